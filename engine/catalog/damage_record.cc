#include "engine/catalog/damage_record.h"

#include <algorithm>
#include <utility>

#include "engine/base/attempt.h"
#include "engine/base/bytes.h"
#include "engine/base/disk/file.h"
#include "engine/crypto/hash.h"

namespace kist {

namespace {

constexpr std::string_view damage_magic = "KISTDMG1";
constexpr std::uint64_t damage_bytes_max = 128U << 20U;
// A slot that was taken over may introduce any number of packs that are not there.
constexpr std::size_t packs_max = 1U << 20U;
// Up to so many packs, each is written when it is found; beyond, an eighth of them together.
constexpr std::size_t write_share = 8;

Bytes encode(const std::vector<DamageIncident>& incidents) {
  ByteWriter out;
  out.raw(as_view(damage_magic));
  out.u32(narrow<std::uint32_t>(incidents.size()));
  for (const DamageIncident& incident : incidents) {
    out.i64(incident.found_ms);
    out.i64(incident.closed_ms);
    out.text(incident.note);
    out.u32(narrow<std::uint32_t>(incident.packs.size()));
    for (const auto& [pack, problem] : incident.packs) {
      out.id(pack);
      out.u8(static_cast<std::uint8_t>(problem));
    }
  }
  out.id(hash_object(out.view()));
  return out.take();
}

DamageIncident decode_incident(ByteReader& in) {
  DamageIncident out;
  out.found_ms = in.i64();
  out.closed_ms = in.i64();
  out.note = in.text(damage_note_bytes_max, "a note");
  const std::size_t count = in.count(ObjectHash::size + 1, "a count of packs");
  for (std::size_t i = 0; i < count; ++i) {
    const auto pack = in.id<ObjectHash>();
    const std::uint8_t problem = in.u8();
    in.require(problem >= 1 && problem <= 4, "an unknown problem");
    out.packs.emplace(pack, static_cast<PackProblem>(problem));
  }
  return out;
}

std::vector<DamageIncident> decode(View bytes) {
  ByteReader in(bytes, "the record of damaged packs");
  in.require(equal(in.take(damage_magic.size()), as_view(damage_magic)), "this is no such record");
  std::vector<DamageIncident> out(in.count(20, "a count of incidents"));
  for (DamageIncident& incident : out) {
    incident = decode_incident(in);
  }
  const ObjectHash expected = hash_object(bytes.first(in.offset()));
  in.require(in.id<ObjectHash>() == expected, "the checksum does not match");
  in.expect_end();
  return out;
}

// Error where the file is damaged; none where it is absent. A file that is replaced meanwhile is
// read as it was or as it is.
std::vector<DamageIncident> read_incidents(const std::string& path) {
  if (!path_exists(path)) return {};
  return decode(read_file(path, damage_bytes_max));
}

// The same for whoever was told of damage already. A file that cannot be read now is an Error: it
// is not to be written over as if it held nothing.
std::vector<DamageIncident> find_incidents(const std::string& path) {
  std::vector<DamageIncident> out;
  static_cast<void>(damage_of([&] { out = read_incidents(path); }));
  return out;
}

void write_incidents(const std::string& path, std::vector<DamageIncident> incidents) {
  std::erase_if(incidents, [](const DamageIncident& incident) { return incident.packs.empty(); });
  if (incidents.empty()) return remove_file(path);
  replace_file(path, encode(incidents));
}

DamagedPacks packs_of(const std::vector<DamageIncident>& incidents) {
  DamagedPacks out;
  for (const DamageIncident& incident : incidents) {
    out.insert(incident.packs.begin(), incident.packs.end());
  }
  return out;
}

// Whether a record of `known` is to become one of `found`.
bool is_graver(PackProblem found, PackProblem known) {
  return shows_in_size(known) && !shows_in_size(found);
}

}  // namespace

bool shows_in_size(PackProblem problem) {
  return problem == PackProblem::missing || problem == PackProblem::wrong_size;
}

std::string describe(PackProblem problem) {
  switch (problem) {
    case PackProblem::missing:
      return "it is missing";
    case PackProblem::wrong_size:
      return "it has a wrong size";
    case PackProblem::damaged:
      return "it is damaged";
    case PackProblem::unreadable:
      return "it could not be read";
  }
  return {};
}

DamageRecord::DamageRecord(const std::string& directory, Observer& observer)
    : path_(directory + "/damage"), lock_path_(directory + "/lock") {
  const auto failure = failure_of([&] { known_ = packs_of(read_incidents(path_)); });
  if (!failure) return;
  if (!is_damage(*failure)) {
    observer.notice(failure->text());
    return;
  }
  observer.notice(concat(failure->text(),
                         "; which packs this machine has found damaged is forgotten: backups look "
                         "again for those that are gone, kist verify --level content finds the "
                         "others"));
  // Or each command would say so; what is found from now on is kept.
  try_to([&] { remove_file(path_); });
}

DamageRecord::~DamageRecord() {
  try_to([&] { flush(); });
}

std::vector<DamageIncident> DamageRecord::incidents() {
  flush();
  return find_incidents(path_);
}

DamagedPacks DamageRecord::packs() {
  const std::lock_guard lock(mutex_);
  flush_locked();
  known_ = packs_of(find_incidents(path_));
  return known_;
}

bool DamageRecord::add(const ObjectHash& pack, PackProblem problem, std::int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(pack);
  const bool is_new = found == known_.end();
  if (is_new ? known_.size() >= packs_max : !is_graver(problem, found->second)) return false;
  if (began_ms_ == 0) began_ms_ = now_ms;
  known_[pack] = problem;
  held_back_[pack] = problem;
  if (held_back_.size() * write_share >= known_.size()) flush_locked();
  return is_new;
}

void DamageRecord::flush() {
  const std::lock_guard lock(mutex_);
  flush_locked();
}

void DamageRecord::flush_locked() {
  if (held_back_.empty()) return;
  const FileLock lock(lock_path_);
  std::vector<DamageIncident> incidents = find_incidents(path_);
  DamagedPacks added = held_back_;
  for (DamageIncident& incident : incidents) {
    for (auto& [pack, problem] : incident.packs) {
      const auto found = added.find(pack);
      if (found == added.end()) continue;
      if (is_graver(found->second, problem)) problem = found->second;
      added.erase(found);
    }
  }
  const auto own = std::ranges::find_if(incidents, [&](const DamageIncident& incident) {
    return incident.found_ms == began_ms_ && incident.is_open();
  });
  if (own != incidents.end()) {
    own->packs.merge(added);
  } else {
    incidents.push_back(
        {.found_ms = began_ms_, .closed_ms = 0, .note = {}, .packs = std::move(added)});
  }
  write_incidents(path_, std::move(incidents));
  held_back_.clear();
}

void DamageRecord::remove(const DamagedPacks& packs) {
  if (packs.empty()) return;
  const std::lock_guard lock(mutex_);
  flush_locked();
  const FileLock file_lock(lock_path_);
  std::vector<DamageIncident> incidents = find_incidents(path_);
  for (DamageIncident& incident : incidents) {
    std::erase_if(incident.packs, [&](const auto& pack) {
      const auto whole = packs.find(pack.first);
      return whole != packs.end() && whole->second == pack.second;
    });
  }
  known_ = packs_of(incidents);
  write_incidents(path_, std::move(incidents));
}

std::uint64_t DamageRecord::close(const std::string& note, std::int64_t now_ms) {
  if (note.size() > damage_note_bytes_max) {
    throw Error(Code::invalid, concat("a note has ", damage_note_bytes_max, " bytes at most"));
  }
  const std::lock_guard lock(mutex_);
  flush_locked();
  const FileLock file_lock(lock_path_);
  std::vector<DamageIncident> incidents = find_incidents(path_);
  std::uint64_t closed = 0;
  for (DamageIncident& incident : incidents) {
    if (!incident.is_open()) continue;
    incident.closed_ms = now_ms;
    incident.note = note;
    ++closed;
  }
  if (closed > 0) write_incidents(path_, std::move(incidents));
  return closed;
}

}  // namespace kist
