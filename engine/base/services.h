// What the engine takes from outside: the time, random bytes, and an observer. All three outlive
// what is given them. Tests bring their own, so that a run is a function of its seed.
#pragma once

#include "engine/base/clock.h"
#include "engine/base/observer.h"
#include "engine/base/random.h"

namespace kist {

struct Services {
  Clock& clock;
  Random& random;
  Observer& observer;
};

}  // namespace kist
