#include "tests/simulation/simulated_store.h"

#include "tests/simulation/simulation.h"

namespace kist::test {

Answer SimulatedStore::operate(const Operation& operation) {
  return simulation_.operate(client_, operation);
}

std::optional<std::uint64_t> SimulatedStore::size(const std::string& path) {
  return operate({.wish = Wish::size, .path = path}).size;
}

std::size_t SimulatedStore::get_range(const std::string& path,
                                      std::uint64_t offset,
                                      MutableView out) {
  const Answer answer = operate({.wish = Wish::read, .path = path, .offset = offset, .out = out});
  if (!answer.size) throw Error(Code::missing, concat(path, " is missing"));
  return static_cast<std::size_t>(*answer.size);
}

void SimulatedStore::list(const std::string& folder,
                          const std::function<void(const std::string&)>& each) {
  for (const std::string& name : operate({.wish = Wish::list, .path = folder}).names) {
    each(name);
  }
}

namespace {

// An object has its path, and is an operation, at its end.
class SimulatedWriter final : public ObjectWriter {
 public:
  explicit SimulatedWriter(SimulatedStore& store) : store_(store) {}

  void append(View bytes) override { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }

  void finish(const std::string& path) override { store_.put(path, bytes_); }

 private:
  SimulatedStore& store_;
  Bytes bytes_;
};

}  // namespace

std::unique_ptr<ObjectWriter> SimulatedStore::begin_put() {
  return std::make_unique<SimulatedWriter>(*this);
}

void SimulatedStore::put(const std::string& path, View bytes) {
  operate({.wish = Wish::put, .path = path, .bytes = bytes});
}

bool SimulatedStore::put_if_absent(const std::string& path, View bytes) {
  return operate({.wish = Wish::put_if_absent, .path = path, .bytes = bytes}).is_yes;
}

void SimulatedStore::barrier() {
  operate({.wish = Wish::barrier});
}

void SimulatedStore::confirm(const std::string& path) {
  operate({.wish = Wish::confirm, .path = path});
}

void SimulatedStore::remove(const std::string& path) {
  operate({.wish = Wish::remove, .path = path});
}

void SimulatedStore::replace(const std::string& path, View bytes) {
  operate({.wish = Wish::replace, .path = path, .bytes = bytes});
}

}  // namespace kist::test
