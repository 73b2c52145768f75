#include "engine/repository/condemned_packs.h"

#include <algorithm>
#include <functional>
#include <vector>

#include "engine/journal/journal.h"
#include "engine/rules/validate.h"

namespace kist {

namespace {

using Packs = std::vector<ObjectHash>;

// Of the packs those that the slot may condemn and that are not condemned, ascending.
Packs condemnable(const State& state, const std::set<ObjectHash>& packs, Capabilities of) {
  const bool has_maintain = (of & can_maintain) != 0;
  if (!has_maintain && (of & can_read) == 0) return {};
  const std::size_t room =
      has_maintain ? packs.size()
                   : doubted_packs_max - std::min(doubted_packs_max, state.doubted_packs.size());
  Packs out;
  for (const ObjectHash& pack : packs) {
    if (out.size() == room) break;
    // What only others doubt they may clear: who maintains says it too.
    const bool is_said =
        has_maintain ? state.condemned.find(pack).value_or(false) : state.is_condemned(pack);
    if (!is_said) out.push_back(pack);
  }
  return out;
}

Packs clearable(const State& state,
                const std::set<ObjectHash>& packs,
                const SlotId& slot,
                Capabilities of) {
  Packs out;
  for (const ObjectHash& pack : packs) {
    const auto doubted = state.doubted_packs.find(pack);
    const bool is_own = doubted != state.doubted_packs.end() && doubted->second == slot;
    if (is_own || ((of & can_maintain) != 0 && state.is_condemned(pack))) out.push_back(pack);
  }
  return out;
}

// Commits acts until `next` has no packs left to name; how many there were.
template <typename NamingPacks>
std::uint64_t commit_all(Repository& repository, const std::function<Packs(const State&)>& next) {
  std::uint64_t out = 0;
  while (!next(repository.state()).empty()) {
    const Journal::Writable writable = repository.journal().require_writable();
    const JournalEntry entry = repository.journal().commit(writable, [&](const State& state) {
      Packs packs = next(state);
      if (packs.empty()) {
        throw Error(Code::conflict, "another slot has said the same of all packs meanwhile");
      }
      packs.resize(std::min(packs.size(), entry_packs_max));
      return Act(NamingPacks{std::move(packs)});
    });
    out += std::get<NamingPacks>(entry.act).packs.size();
  }
  return out;
}

void open_incidents(Repository& repository, const Packs& packs) {
  for (std::size_t at = 0; at < packs.size(); at += entry_packs_max) {
    IncidentOpened act;
    const std::size_t end = std::min(at + entry_packs_max, packs.size());
    for (std::size_t i = at; i < end; ++i) {
      act.packs.push_back(packs[i]);
    }
    const Journal::Writable writable = repository.journal().require_writable();
    repository.journal().commit(writable, [&](const State&) { return act; });
  }
}

}  // namespace

std::uint64_t tell_damaged(Repository& repository, const FoundPacks& found) {
  const Capabilities capabilities = repository.capabilities();
  const std::uint64_t condemned = commit_all<PacksCondemned>(
      repository, [&](const State& state) { return condemnable(state, found.all, capabilities); });
  Packs rest;
  for (const ObjectHash& pack : found.fresh) {
    if (!repository.state().is_condemned(pack)) rest.push_back(pack);
  }
  open_incidents(repository, rest);
  return condemned;
}

std::uint64_t tell_whole(Repository& repository, const std::set<ObjectHash>& packs) {
  const SlotId slot = repository.keyring().slot();
  const Capabilities capabilities = repository.capabilities();
  return commit_all<PacksCleared>(
      repository, [&](const State& state) { return clearable(state, packs, slot, capabilities); });
}

}  // namespace kist
