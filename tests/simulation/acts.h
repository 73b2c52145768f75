// What the machines of a simulation do: the engine's verbs, each as a process of its own would call
// them.
#pragma once

#include <string>

#include "tests/simulation/simulation.h"

namespace kist::test {

// In a thread of the machine's actor. Throws what the verb throws.
void run_act(Simulation& simulation, Client& client, const PlannedAct& act, ActObserver& observer);

// What of its end is not explained by what befell the act; empty: nothing.
std::string what_is_wrong(const Simulation& simulation, const PlannedAct& act, const ActEnd& end);

}  // namespace kist::test
