#include "engine/blocks/pack_writer.h"

#include "engine/crypto/kdf.h"
#include "engine/format/names.h"

namespace kist {

PackWriter::PackWriter(StoreWriter& store,
                       const RepositoryId& repository,
                       std::uint64_t waiting_max)
    : store_(store), repository_(repository), orders_(waiting_max) {
  thread_ = std::thread([this] { run(); });
}

PackWriter::~PackWriter() {
  orders_.close();
  if (thread_.joinable()) thread_.join();
}

void PackWriter::push(Order order) {
  const std::uint64_t weight = order.bytes.size() + 1;
  if (orders_.push(std::move(order), weight)) return;
  rethrow_failure();
}

void PackWriter::rethrow_failure() {
  if (thread_.joinable()) thread_.join();
  std::rethrow_exception(failure_);
}

ObjectHash PackWriter::wait(std::future<ObjectHash>& hash) {
  try {
    return hash.get();
  } catch (const std::future_error&) {
    rethrow_failure();  // the order was dropped when the writer gave up
  }
}

void PackWriter::append(PackKind kind, Bytes bytes) {
  push({.kind = kind, .bytes = std::move(bytes)});
}

std::future<ObjectHash> PackWriter::end(PackKind kind, PackEnd end) {
  Order order{.kind = kind, .end = std::move(end)};
  std::future<ObjectHash> hash = order.hash.get_future();
  push(std::move(order));
  return hash;
}

void PackWriter::run() {
  while (std::optional<Order> order = orders_.pop()) {
    try {
      carry_out(*order);
    } catch (...) {
      failure_ = std::current_exception();
      orders_.abandon();  // before the caller learns of it: then every later call fails as well
      if (order->end) order->hash.set_exception(failure_);
      return;
    }
  }
}

PackWriter::OpenPack& PackWriter::open_pack(PackKind kind) {
  std::unique_ptr<OpenPack>& open = open_[kind == PackKind::data ? 0 : 1];
  if (!open) {
    open = std::make_unique<OpenPack>();
    open->writer = store_.begin_put();
    open->append(encode_pack_header(kind, repository_));
  }
  return *open;
}

void PackWriter::carry_out(Order& order) {
  OpenPack& pack = open_pack(order.kind);
  if (!order.end) {
    pack.append(order.bytes);
    return;
  }
  Bytes padding(order.end->padding_size);
  fill_from_seed(order.end->padding_seed, padding);
  pack.append(padding);
  pack.append(order.end->directory_and_footer);
  const ObjectHash hash = pack.hasher.finish();
  pack.writer->finish(pack_path(hash));
  open_[order.kind == PackKind::data ? 0 : 1].reset();
  order.hash.set_value(hash);
}

}  // namespace kist
