#include "tests/fuzz/targets.h"

#include "engine/base/path_filter.h"
#include "engine/catalog/state_record.h"
#include "engine/content/compress.h"
#include "engine/crypto/hash.h"
#include "engine/format/names.h"
#include "engine/journal/checkpoint.h"
#include "engine/keys/keyring.h"
#include "engine/keys/recipient.h"
#include "tests/support/samples.h"

namespace kist::test {

namespace {

// What the decoder takes must hold what `work` says of it; it may refuse anything by an Error.
template <typename Work>
void holds_or_refused(const Work& work) {
  try {
    work();
  } catch (const Error&) {
    return;
  }
}

template <typename Decode, typename Encode>
void round_trip(View bytes, const Decode& decode, const Encode& encode) {
  holds_or_refused([&] { KIST_ENSURE(equal(encode(decode(bytes)), bytes)); });
}

void envelope(View bytes) {
  round_trip(
      bytes, [](View b) { return decode_envelope(b, "fuzz"); },
      [](const Envelope& e) {
        Bytes again = encode_envelope_start(e.header, e.clear, e.sealed.size());
        again.insert(again.end(), e.sealed.begin(), e.sealed.end());
        again.insert(again.end(), e.signature.bytes.begin(), e.signature.bytes.end());
        return again;
      });
}

void padding(View bytes) {
  round_trip(
      bytes, [](View b) { return unpad_payload(b, "fuzz"); }, &pad_payload);
}

void repository_file(View bytes) {
  round_trip(
      bytes, [](View b) { return decode_repository_file(b, &hash_object); },
      [](const RepositoryFile& f) { return encode_repository_file(f, &hash_object); });
}

void slot(View bytes) {
  round_trip(
      bytes, [](View b) { return decode_slot_clear(b, "fuzz"); }, &encode_slot_clear);
}

void epoch_box(View bytes) {
  round_trip(
      bytes, [](View b) { return decode_epoch_box(b, "fuzz"); }, &encode_epoch_box);
}

void anchor(View bytes) {
  round_trip(
      bytes, [](View b) { return decode_anchor(b, "fuzz"); }, &encode_anchor);
}

void frame_list(View bytes) {
  round_trip(
      bytes, [](View b) { return decode_frame_list(b, "fuzz"); }, &encode_frame_list);
}

void pack_directory(View bytes) {
  round_trip(
      bytes, [](View b) { return decode_pack_directory(b, "fuzz"); }, &encode_pack_directory);
}

void index_segment(View bytes) {
  round_trip(
      bytes, [](View b) { return decode_index_segment(b, "fuzz"); }, &encode_index_segment);
}

void key_segment(View bytes) {
  round_trip(
      bytes, [](View b) { return decode_key_segment(b, "fuzz"); }, &encode_key_segment);
}

void key_segment_sets(View bytes) {
  round_trip(
      bytes, [](View b) { return decode_key_segment_sets(b, "fuzz"); }, &encode_key_segment_sets);
}

void key_segment_inner(View bytes) {
  round_trip(
      bytes, [](View b) { return decode_key_segment_inner(b, "fuzz"); }, &encode_key_segment_inner);
}

void body(View bytes) {
  round_trip(
      bytes, [](View b) { return decode_body(b, "fuzz"); }, &encode_body);
}

void reference_set(View bytes) {
  round_trip(
      bytes, [](View b) { return decode_reference_set(b, "fuzz"); }, &encode_reference_set);
}

void journal_payload(View bytes) {
  round_trip(
      bytes, [](View b) { return decode_journal_payload(b, "fuzz"); },
      [](const JournalPayload& p) {
        return encode_journal_payload(
            {.time_ms = p.time_ms, .is_time_doubted = p.is_time_doubted, .act = p.act});
      });
}

void manifest_leaf(View bytes) {
  round_trip(
      bytes, [](View b) { return decode_leaf(b, "fuzz"); }, &encode_leaf);
}

void manifest_node(View bytes) {
  round_trip(
      bytes, [](View b) { return decode_node(b, "fuzz"); },
      [](const Node& n) { return encode_node(n.level, n.children); });
}

void content_node(View bytes) {
  round_trip(
      bytes, [](View b) { return decode_content_node(b, "fuzz"); }, &encode_content_node);
}

void xattr_block(View bytes) {
  round_trip(
      bytes, [](View b) { return decode_xattr_block(b, "fuzz"); }, &encode_xattr_block);
}

void decompress(View bytes) {
  Decompressor decompressor;
  Bytes out(4096);
  static_cast<void>(decompressor.decompress(bytes, out));
}

void pack_header(View bytes) {
  round_trip(
      bytes, [](View b) { return decode_pack_header(b, "fuzz"); },
      [](const PackHeader& h) { return encode_pack_header(h.kind, h.repository); });
}

void pack_footer(View bytes) {
  round_trip(
      bytes, [](View b) { return decode_pack_footer(b, "fuzz"); }, &encode_pack_footer);
}

// What is taken for an object's name is that name and no other way to write it.
void names(View bytes) {
  const std::string name = first_copy_path(std::string(as_text(bytes)));
  const auto slot = parse_slot_path(name);
  if (slot) KIST_ENSURE(slot_path(slot->slot, slot->generation) == "slots/" + name);
  const auto epoch = parse_epoch_box_path(name);
  if (epoch) {
    const auto slot_of_box = parse_id<SlotId>(name.substr(name.rfind('/') + 1));
    KIST_ENSURE(slot_of_box.has_value());
    KIST_ENSURE(epoch_box_path(epoch->epoch_number, epoch->epoch, *slot_of_box) ==
                "epochs/" + name);
  }
  const std::string file(as_text(bytes));  // an anchor's second copy has no first one
  if (const auto anchored = parse_anchor_path(file)) {
    const auto copy = static_cast<unsigned>(file.back() - '0');
    KIST_ENSURE(anchor_path(anchored->epoch_number, anchored->epoch, copy) == "anchors/" + file);
  }
  const auto sequence = parse_journal_path(name);
  if (sequence) KIST_ENSURE(journal_path(*sequence) == "journal/" + name);
}

void key_file(View bytes) {
  holds_or_refused(
      [&] { KIST_ENSURE(parse_key_file(bytes, "fuzz").secret.view().size() == Key::size); });
}

void catalog_state(View bytes) {
  holds_or_refused([&] {
    const State state = decode_state(bytes);
    KIST_ENSURE(decode_state(encode_state(state)) == state);
  });
}

void recipient(View bytes) {
  holds_or_refused([&] {
    const std::string text(as_text(bytes));
    KIST_ENSURE(encode_recipient(parse_recipient(text)) == text);
  });
}

// A name as it is matches itself, and what is taken back last is not excluded, whatever was said
// before.
void check_name(PathFilter& filter, std::string_view name) {
  if (!is_file_name(name)) return;
  std::string literal;
  for (const char byte : name) {
    literal += '\\';
    literal += byte;
  }
  KIST_ENSURE(matches_glob(literal, name) && matches_glob("*" + literal, name));
  KIST_ENSURE(!matches_glob(literal + "?", name));
  filter.exclude("!/" + literal);
  KIST_ENSURE(!filter.match_path(name, false).is_excluded);
}

void checkpoint(View bytes) {
  holds_or_refused([&] {
    const Checkpoint parsed = parse_checkpoint(as_text(bytes));
    KIST_ENSURE(parsed.signed_text.starts_with(
        concat(parsed.origin, "\n", parsed.size, "\n", to_base64(parsed.root.bytes), "\n")));
  });
}

// A path, then the lines of an exclude file.
void path_filter(View bytes) {
  const std::string_view text = as_text(bytes);
  const std::string_view path = text.substr(0, std::min(text.find('\n'), text.size()));
  holds_or_refused([&] {
    PathFilter filter;
    filter.exclude_lines(text.substr(path.size()));
    static_cast<void>(filter.match_path(path, true));
    check_name(filter, path.substr(0, std::min(path.find('/'), path.size())));
  });
}

Bytes copy(View bytes) {
  return {bytes.begin(), bytes.end()};
}

// An object's name without its folder.
Bytes without_folder(const std::string& name) {
  return copy(as_view(name).subspan(name.find('/') + 1));
}

Bytes sample_envelope() {
  const EnvelopeHeader header{.type = ObjectType::journal_entry,
                              .repository = sample_id<RepositoryId>(1)};
  Bytes out = encode_envelope_start(header, encode_journal_clear({}), 32);
  out.resize(out.size() + 32 + Signature::size);
  return out;
}

// An act of every kind.
std::vector<Bytes> journal_payloads() {
  std::vector<Bytes> out;
  for (const Act& act : sample_acts()) {
    out.push_back(
        encode_journal_payload({.time_ms = static_cast<std::int64_t>(out.size()) + 1, .act = act}));
  }
  return out;
}

}  // namespace

const std::map<std::string, FuzzTarget>& fuzz_targets() {
  static const std::map<std::string, FuzzTarget> targets = {
      {"body", &body},
      {"content_node", &content_node},
      {"decompress", &decompress},
      {"envelope", &envelope},
      {"anchor", &anchor},
      {"epoch_box", &epoch_box},
      {"frame_list", &frame_list},
      {"index_segment", &index_segment},
      {"journal_payload", &journal_payload},
      {"key_file", &key_file},
      {"catalog_state", &catalog_state},
      {"recipient", &recipient},
      {"key_segment", &key_segment},
      {"key_segment_inner", &key_segment_inner},
      {"key_segment_sets", &key_segment_sets},
      {"manifest_leaf", &manifest_leaf},
      {"manifest_node", &manifest_node},
      {"checkpoint", &checkpoint},
      {"names", &names},
      {"pack_directory", &pack_directory},
      {"pack_footer", &pack_footer},
      {"pack_header", &pack_header},
      {"padding", &padding},
      {"path_filter", &path_filter},
      {"reference_set", &reference_set},
      {"repository_file", &repository_file},
      {"slot", &slot},
      {"xattr_block", &xattr_block},
  };
  return targets;
}

std::map<std::string, std::vector<Bytes>> fuzz_seeds() {
  const RepositoryFile file{.repository = sample_id<RepositoryId>(1)};
  Compressor compressor;
  Bytes compressed;
  static_cast<void>(compressor.compress(Bytes(4096, 'k'), {3}, compressed));
  return {
      {"body", {encode_body(sample_body())}},
      {"content_node", {encode_content_node(sample_entries()[3].content)}},
      {"decompress", {compressed}},
      {"envelope", {sample_envelope()}},
      {"anchor", {encode_anchor(sample_anchor())}},
      {"epoch_box", {encode_epoch_box(sample_epoch_box())}},
      {"frame_list",
       {encode_frame_list(sample_frame_list()), encode_frame_list(sample_rewritten_list())}},
      {"index_segment",
       {encode_index_segment(sample_index_segment()),
        encode_index_segment(sample_rewritten_segment())}},
      {"journal_payload", journal_payloads()},
      {"catalog_state", {encode_state(sample_state())}},
      {"recipient", {copy(as_view(encode_recipient({})))}},
      {"key_file", {copy(encode_key_file(Key::from(Bytes(Key::size, 7))).view())}},
      {"key_segment", {encode_key_segment(sample_key_segment())}},
      {"key_segment_sets", {encode_key_segment_sets(sample_key_segment_sets())}},
      {"key_segment_inner", {encode_key_segment_inner(sample_key_segment_inner())}},
      {"manifest_leaf", {encode_leaf(sample_entries())}},
      {"manifest_node", {encode_node(1, {{"", sample_id<BlockId>(1)}, {"a", {}}})}},
      {"checkpoint",
       {copy(as_view("kist/00\n3\n" + to_base64(Bytes(32, 7)) + "\n\n\u2014 kist/00 " +
                     to_base64(Bytes(68, 9)) + "\n"))}},
      {"names",
       {without_folder(slot_path(sample_id<SlotId>(1), 2)), without_folder(journal_path(3)),
        without_folder(anchor_path(7, sample_id<EpochId>(1), 2)),
        without_folder(second_copy_path(journal_path(12)))}},
      {"pack_directory", {encode_pack_directory(sample_places())}},
      {"pack_footer", {encode_pack_footer(4096)}},
      {"pack_header", {encode_pack_header(PackKind::meta, sample_id<RepositoryId>(1))}},
      {"padding", {pad_payload(Bytes(100, 1))}},
      {"path_filter",
       {copy(as_view("a/b.tmp\n*.tmp\n!/a/b.tmp\n# no\n/x/**/y/\n[!a-c]?\\*\n**/z/**\n"))}},
      {"reference_set", {encode_reference_set(sample_reference_set())}},
      {"repository_file", {encode_repository_file(file, &hash_object)}},
      {"slot", {encode_slot_clear(sample_slot_clear())}},
      {"xattr_block", {encode_xattr_block({{"user.a", Bytes(5000, 1)}})}},
  };
}

}  // namespace kist::test
