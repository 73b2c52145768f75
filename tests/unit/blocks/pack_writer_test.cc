// Packs written in a thread of their own.
#include "engine/blocks/pack_writer.h"

#include "tests/support/attacker.h"
#include "tests/unit/blocks/block_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

PackEnd end_of(std::uint64_t padding_size) {
  return {.padding_seed = test_key(6),
          .padding_size = padding_size,
          .directory_and_footer = to_bytes("directory, footer")};
}

// Takes the bytes of packs, and fails when one gets its name.
class FailingStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;

  std::unique_ptr<ObjectWriter> begin_put() override {
    struct Writer final : ObjectWriter {
      void append(View /*bytes*/) override {}

      void finish(const std::string& /*name*/) override {
        throw Error(Code::failed, "the disk is full");
      }
    };

    return std::make_unique<Writer>();
  }
};

}  // namespace

TEST_CASE("a pack is its header, frames, padding, directory and footer, named by their hash") {
  MemoryStore store;
  PackWriter writer(store, test_repository(), 1'000);
  writer.append(PackKind::data, to_bytes("one "));
  writer.append(PackKind::data, to_bytes("two "));
  auto hash = writer.end(PackKind::data, end_of(100));
  const ObjectHash name = writer.wait(hash);
  const Bytes pack = store.objects().at(pack_path(name));
  REQUIRE(hash_object(pack) == name);
  Bytes expected = encode_pack_header(PackKind::data, test_repository());
  const auto append = [&](const Bytes& bytes) {
    expected.insert(expected.end(), bytes.begin(), bytes.end());
  };
  append(to_bytes("one two "));
  Bytes padding(100);
  fill_from_seed(test_key(6), padding);
  append(padding);
  append(to_bytes("directory, footer"));
  REQUIRE(pack == expected);
}

TEST_CASE("a data pack and a meta pack may be open at once") {
  MemoryStore store;
  PackWriter writer(store, test_repository(), 1'000);
  writer.append(PackKind::data, to_bytes("data "));
  writer.append(PackKind::meta, to_bytes("meta "));
  writer.append(PackKind::data, to_bytes("data "));
  auto meta = writer.end(PackKind::meta, end_of(0));
  auto data = writer.end(PackKind::data, end_of(0));
  const auto text_of = [&](std::future<ObjectHash>& hash) {
    const std::string path = pack_path(writer.wait(hash));
    const Bytes pack = store.objects().at(path);
    return std::string(as_text(View(pack).subspan(pack_header_size)));
  };
  REQUIRE(text_of(meta) == "meta directory, footer");
  REQUIRE(text_of(data) == "data data directory, footer");
}

TEST_CASE("a pack that was not ended leaves nothing in the store") {
  MemoryStore store;
  { PackWriter(store, test_repository(), 1'000).append(PackKind::data, to_bytes("one")); }
  REQUIRE(store.objects().empty());
}

TEST_CASE("a store's failure reaches the caller that waits for a pack, and every later call") {
  MemoryStore memory;
  FailingStore store(memory);
  PackWriter writer(store, test_repository(), 1'000);
  auto first = writer.end(PackKind::data, end_of(0));
  REQUIRE(error_code([&] { writer.wait(first); }) == Code::failed);
  REQUIRE(error_code([&] { writer.append(PackKind::data, to_bytes("more")); }) == Code::failed);
  REQUIRE(error_code([&] { writer.end(PackKind::meta, end_of(0)); }) == Code::failed);
}
