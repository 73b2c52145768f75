// Parts of the command `key` that have files of their own.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

namespace kist::cli {

// "laptop (3f9a12bc)"
std::string slot_label(const SlotInfo& slot);

// The label of the last owner's slot, once those in `without` are revoked. Empty where two or more
// owner's slots are left, or none.
std::string only_owner(std::vector<SlotInfo> slots, const std::vector<SlotId>& without);

// `revoke` and `rotate`, which end the epoch.
void add_key_epochs(CLI::App& key, Session& session);

}  // namespace kist::cli
