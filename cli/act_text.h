// How acts are shown: the last column of `journal list`, and the keys of `journal show --json`. One
// function each for every kind of act, found by its type: a kind that is added to the variant `Act`
// and has none here does not compile. docs/json.md has the keys.
#pragma once

#include <map>
#include <string>

#include "cli/report.h"
#include "engine/engine.h"

namespace kist::cli {

using SlotNames = std::map<SlotId, std::string>;

// "laptop (3f9a12bc)", or the digits alone for a slot that the journal does not know.
std::string slot_label(const SlotNames& names, const SlotId& id);
// What the act is about, in a few words; empty where its name says all.
std::string subject(const SlotNames& names, const Act& act);
// Adds the act's own keys to those of its entry.
void add_act(Json& json, const Act& act);

}  // namespace kist::cli
