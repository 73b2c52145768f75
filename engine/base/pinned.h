// A base for classes that are neither copied nor moved: something else holds their address (a
// thread, a callback, a record of LMDB), or they own what exists once. Interfaces are pinned too,
// so that no object is sliced to its interface. Costs no byte, and adds nothing that can be called:
// class Pool : private Pinned { … };
#pragma once

namespace kist {

class Pinned {
 public:
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;
  Pinned(Pinned&&) = delete;
  Pinned& operator=(Pinned&&) = delete;

 protected:
  Pinned() = default;
  ~Pinned() = default;
};

}  // namespace kist
