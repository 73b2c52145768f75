#include "engine/format/snapshot.h"

#include <algorithm>

#include "engine/format/limits.h"

namespace kist {

namespace {

// The counters in the order of the layout.
template <typename Statistics>
auto counters(Statistics& s) {
  return std::array{&s.files_new,    &s.files_changed, &s.files_unmodified, &s.directories,
                    &s.others,       &s.bytes_total,   &s.bytes_read,       &s.bytes_new,
                    &s.bytes_stored, &s.blocks_new,    &s.problems};
}

}  // namespace

Bytes encode_body(const SnapshotBody& body) {
  ByteWriter out;
  out.id(body.root);
  out.text(body.host);
  out.text(body.user);
  out.text(body.program);
  out.texts(body.paths);
  out.texts(body.tags);
  out.text(body.description);
  out.u8(body.is_selective ? 1 : 0);
  out.varint(body.problems.size());
  for (const SnapshotProblem& problem : body.problems) {
    out.text(problem.path);
    out.text(problem.text);
  }
  return out.take();
}

SnapshotBody decode_body(View bytes, std::string_view object) {
  ByteReader in(bytes, object);
  SnapshotBody out;
  out.root = in.id<BlockId>();
  out.host = in.text(text_bytes_max, "a host's name");
  out.user = in.text(text_bytes_max, "a user's name");
  out.program = in.text(text_bytes_max, "a program's name");
  out.paths = in.texts(list_items_max, path_bytes_max);
  in.require(std::ranges::all_of(out.paths, [](const auto& p) { return p.starts_with('/'); }),
             "a path that is not absolute");
  out.tags = in.texts(list_items_max, text_bytes_max);
  out.description = in.text(text_bytes_max, "a description");
  const std::uint8_t selective = in.u8();
  in.require(selective <= 1, "a mark that is neither yes nor no");
  out.is_selective = selective == 1;
  out.problems.resize(in.varint_up_to(std::min<std::uint64_t>(snapshot_problems_max, in.left()),
                                      "a count of problems"));
  for (SnapshotProblem& problem : out.problems) {
    problem.path = in.text(path_bytes_max, "a path");
    problem.text = in.text(text_bytes_max, "a problem");
  }
  in.expect_end();
  return out;
}

Bytes encode_reference_set(const ReferenceSet& set) {
  ByteWriter out;
  out.i64(set.statistics.finished_ms);
  for (const std::uint64_t* counter : counters(set.statistics)) {
    out.varint(*counter);
  }
  out.sized(set.absolute.encode());
  out.sized(set.relative.encode());
  return out.take();
}

ReferenceSet decode_reference_set(View bytes, std::string_view object) {
  ByteReader in(bytes, object);
  ReferenceSet out;
  out.statistics.finished_ms = in.i64();
  for (std::uint64_t* counter : counters(out.statistics)) {
    *counter = in.varint();
  }
  out.absolute = NumberSet::decode(in.sized(in.left(), "a number set"), object);
  out.relative = NumberSet::decode(in.sized(in.left(), "a number set"), object);
  in.expect_end();
  return out;
}

}  // namespace kist
