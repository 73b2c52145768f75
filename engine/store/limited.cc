#include "engine/store/limited.h"

#include <algorithm>
#include <thread>

namespace kist {

namespace {

constexpr auto slice = std::chrono::milliseconds(100);

void wait_in_slices(RateLimit::Time until, const std::function<bool()>& is_cancelled) {
  for (auto now = std::chrono::steady_clock::now(); now < until;
       now = std::chrono::steady_clock::now()) {
    if (is_cancelled()) throw Interrupted();
    std::this_thread::sleep_until(std::min(until, now + slice));
  }
}

}  // namespace

RateLimit::RateLimit(std::uint64_t bytes_per_second, Now now, WaitUntil wait_until)
    : bytes_per_second_(bytes_per_second),
      now_(std::move(now)),
      wait_until_(std::move(wait_until)) {}

RateLimit::RateLimit(std::uint64_t bytes_per_second, std::function<bool()> is_cancelled)
    : RateLimit(bytes_per_second,
                std::chrono::steady_clock::now,
                [asked = std::move(is_cancelled)](Time until) { wait_in_slices(until, asked); }) {}

void RateLimit::spend(std::uint64_t bytes) {
  const double seconds = static_cast<double>(bytes) / static_cast<double>(bytes_per_second_);
  Time until;
  {
    const std::lock_guard lock(mutex_);
    until = std::max(free_from_, now_());
    free_from_ =
        until + std::chrono::duration_cast<Time::duration>(std::chrono::duration<double>(seconds));
  }
  wait_until_(until);
}

namespace {

class LimitedWriter final : public ObjectWriter {
 public:
  LimitedWriter(std::unique_ptr<ObjectWriter> writer, RateLimit& limit)
      : writer_(std::move(writer)), limit_(limit) {}

  void append(View bytes) override {
    limit_.spend(bytes.size());
    writer_->append(bytes);
  }

  void finish(const std::string& path) override { writer_->finish(path); }

 private:
  std::unique_ptr<ObjectWriter> writer_;
  RateLimit& limit_;
};

class LimitedStore final : public Store {
 public:
  LimitedStore(std::shared_ptr<Store> store, std::shared_ptr<RateLimit> limit)
      : store_(std::move(store)), limit_(std::move(limit)) {}

  std::optional<std::uint64_t> size(const std::string& path) override { return store_->size(path); }

  std::size_t get_range(const std::string& path, std::uint64_t offset, MutableView out) override {
    limit_->spend(out.size());
    return store_->get_range(path, offset, out);
  }

  void list(const std::string& folder,
            const std::function<void(const std::string&)>& each) override {
    store_->list(folder, each);
  }

  void list_sizes(const std::string& folder,
                  const std::function<void(const std::string&, std::uint64_t)>& each) override {
    store_->list_sizes(folder, each);
  }

  void create_folders() override { store_->create_folders(); }

  std::unique_ptr<ObjectWriter> begin_put() override {
    return std::make_unique<LimitedWriter>(store_->begin_put(), *limit_);
  }

  void put(const std::string& path, View bytes) override {
    limit_->spend(bytes.size());
    store_->put(path, bytes);
  }

  bool put_if_absent(const std::string& path, View bytes) override {
    limit_->spend(bytes.size());
    return store_->put_if_absent(path, bytes);
  }

  void barrier() override { store_->barrier(); }

  void confirm(const std::string& path) override { store_->confirm(path); }

  void remove(const std::string& path) override { store_->remove(path); }

  void discard(const std::string& path) override { store_->discard(path); }

  void replace(const std::string& path, View bytes) override {
    limit_->spend(bytes.size());
    store_->replace(path, bytes);
  }

 private:
  std::shared_ptr<Store> store_;
  std::shared_ptr<RateLimit> limit_;
};

}  // namespace

std::unique_ptr<Store> limit_store(std::shared_ptr<Store> store, std::shared_ptr<RateLimit> limit) {
  return std::make_unique<LimitedStore>(std::move(store), std::move(limit));
}

}  // namespace kist
