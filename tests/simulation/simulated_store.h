// The store as one act of one machine sees it: every call is an operation of the simulation.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "engine/store/store.h"
#include "tests/simulation/operation.h"

namespace kist::test {

// The act was cut off. Not an Error: nothing may catch it as one.
struct Crashed {};

class Simulation;
struct Client;

class SimulatedStore final : public Store {
 public:
  // Both outlive the store.
  SimulatedStore(Simulation& simulation, Client& client)
      : simulation_(simulation), client_(client) {}

  std::optional<std::uint64_t> size(const std::string& path) override;
  std::size_t get_range(const std::string& path, std::uint64_t offset, MutableView out) override;
  void list(const std::string& folder,
            const std::function<void(const std::string&)>& each) override;

  void create_folders() override {}

  std::unique_ptr<ObjectWriter> begin_put() override;
  void put(const std::string& path, View bytes) override;
  bool put_if_absent(const std::string& path, View bytes) override;
  void barrier() override;
  void confirm(const std::string& path) override;
  void remove(const std::string& path) override;
  void replace(const std::string& path, View bytes) override;

 private:
  Answer operate(const Operation& operation);

  Simulation& simulation_;
  Client& client_;
};

}  // namespace kist::test
