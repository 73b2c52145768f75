#include "engine/format/slot.h"

#include "engine/format/limits.h"

namespace kist {

namespace {

constexpr std::string_view repository_magic = "KISTREPO";
constexpr std::string_view epoch_magic = "KISTEPOC";
constexpr std::string_view anchor_magic = "KISTANCH";
constexpr std::size_t box_overhead = 48;

void check_version(std::uint32_t version, std::string_view object) {
  if (version != format_version) {
    throw Error(Code::unsupported,
                concat(object, " has format version ", version, "; this needs a newer kist"));
  }
}

template <std::size_t N>
std::array<std::uint8_t, N> take_array(ByteReader& in) {
  std::array<std::uint8_t, N> out{};
  std::ranges::copy(in.take(N), out.begin());
  return out;
}

}  // namespace

Bytes encode_repository_file(const RepositoryFile& file, ObjectHash (*checksum)(View)) {
  ByteWriter out;
  out.raw(as_view(repository_magic));
  out.u32(format_version);
  out.u32(file.features);
  out.id(file.repository);
  out.id(checksum(out.view()));
  return out.take();
}

RepositoryFile decode_repository_file(View bytes, ObjectHash (*checksum)(View)) {
  constexpr std::string_view object = "kist.repo";
  ByteReader in(bytes, object);
  in.require(equal(in.take(repository_magic.size()), as_view(repository_magic)),
             "this is not a repository of Kist");
  // The checksum comes first: a version that a flipped bit has raised is damage, and asks for no
  // newer kist.
  const std::uint32_t version = in.u32();
  RepositoryFile out;
  out.features = in.u32();
  out.repository = in.id<RepositoryId>();
  const ObjectHash expected = checksum(bytes.first(in.offset()));
  in.require(in.id<ObjectHash>() == expected, "the checksum does not match");
  in.expect_end();
  check_version(version, object);
  if (out.features != 0) {
    throw Error(Code::unsupported, "the repository uses features that need a newer kist");
  }
  return out;
}

Bytes encode_slot_clear(const SlotClear& clear) {
  ByteWriter out;
  out.id(clear.signing_key);
  out.id(clear.box_key);
  out.u8(static_cast<std::uint8_t>(clear.kind));
  out.raw(std::array<std::uint8_t, 3>{});
  out.u32(clear.generation);
  out.u32(clear.passes);
  out.u32(clear.memory_kib);
  out.raw(clear.salt);
  return out.take();
}

SlotClear decode_slot_clear(View bytes, std::string_view object) {
  ByteReader in(bytes, object);
  SlotClear out;
  out.signing_key = in.id<SigningPublicKey>();
  out.box_key = in.id<BoxPublicKey>();
  const std::uint8_t kind = in.u8();
  in.require(kind >= 1 && kind <= 2, "an unknown kind of slot object");
  out.kind = static_cast<SlotKind>(kind);
  in.require(take_array<3>(in) == std::array<std::uint8_t, 3>{}, "reserved bytes are not zero");
  out.generation = in.u32();
  in.require(out.generation != 0, "the generation is zero");
  out.passes = in.u32();
  out.memory_kib = in.u32();
  out.salt = take_array<16>(in);
  in.expect_end();
  return out;
}

Bytes encode_epoch_box(const EpochBox& box) {
  KIST_ENSURE(box.box.size() == epoch_secret_size + box_overhead);
  ByteWriter out;
  out.raw(as_view(epoch_magic));
  out.u32(format_version);
  out.u32(box.epoch_number);
  out.id(box.repository);
  out.id(box.epoch);
  out.id(box.slot);
  out.raw(box.box);
  return out.take();
}

EpochBox decode_epoch_box(View bytes, std::string_view object) {
  ByteReader in(bytes, object);
  in.require(equal(in.take(epoch_magic.size()), as_view(epoch_magic)),
             "this is not an epoch box of Kist");
  check_version(in.u32(), object);
  EpochBox out;
  out.epoch_number = in.u32();
  out.repository = in.id<RepositoryId>();
  out.epoch = in.id<EpochId>();
  out.slot = in.id<SlotId>();
  const View sealed = in.take(epoch_secret_size + box_overhead);
  out.box.assign(sealed.begin(), sealed.end());
  in.expect_end();
  return out;
}

Bytes encode_anchor(const Anchor& anchor) {
  ByteWriter out(anchor_size);  // growing would leave the share behind
  out.raw(as_view(anchor_magic));
  out.u32(format_version);
  out.u32(anchor.epoch_number);
  out.id(anchor.repository);
  out.id(anchor.epoch);
  out.raw(anchor.share);
  return out.take();
}

Anchor decode_anchor(View bytes, std::string_view object) {
  ByteReader in(bytes, object);
  in.require(equal(in.take(anchor_magic.size()), as_view(anchor_magic)),
             "this is not an anchor of Kist");
  check_version(in.u32(), object);
  Anchor out;
  out.epoch_number = in.u32();
  out.repository = in.id<RepositoryId>();
  out.epoch = in.id<EpochId>();
  std::ranges::copy(in.take(out.share.size()), out.share.begin());
  in.expect_end();
  return out;
}

}  // namespace kist
