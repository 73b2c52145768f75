// Where objects live: dumb, immutable, named. What only reads takes a StoreReader; the one place
// that destroys holds a StoreRemover. Objects other than journal entries are named by what they
// hold, so putting one that exists is no change. docs/architecture.md, "Store".
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "engine/base/bytes.h"

namespace kist {

class StoreReader {
 public:
  StoreReader() = default;
  StoreReader(const StoreReader&) = delete;
  StoreReader& operator=(const StoreReader&) = delete;
  StoreReader(StoreReader&&) = delete;
  StoreReader& operator=(StoreReader&&) = delete;
  virtual ~StoreReader() = default;

  // The object's size in bytes; empty when there is none of that name.
  [[nodiscard]] virtual std::optional<std::uint64_t> size(const std::string& name) = 0;
  // Up to out.size() bytes from `offset`; fewer only where the object ends. Error{missing} when
  // there is none.
  virtual std::size_t get_range(const std::string& name, std::uint64_t offset, MutableView out) = 0;
  // Calls `each` with the names (without the folder) of all objects below a folder, in no order. A
  // folder that is absent holds nothing. Nothing may be concluded from an absence.
  virtual void list(const std::string& folder,
                    const std::function<void(const std::string&)>& each) = 0;
};

// An object written piece by piece: for packs, whose name is known only at their end.
class ObjectWriter {
 public:
  ObjectWriter() = default;
  ObjectWriter(const ObjectWriter&) = delete;
  ObjectWriter& operator=(const ObjectWriter&) = delete;
  ObjectWriter(ObjectWriter&&) = delete;
  ObjectWriter& operator=(ObjectWriter&&) = delete;
  virtual ~ObjectWriter() = default;  // unfinished: nothing remains
  virtual void append(View bytes) = 0;
  // Gives the object its name; durable after the store's next barrier.
  virtual void finish(const std::string& name) = 0;
};

class StoreWriter {
 public:
  StoreWriter() = default;
  StoreWriter(const StoreWriter&) = delete;
  StoreWriter& operator=(const StoreWriter&) = delete;
  StoreWriter(StoreWriter&&) = delete;
  StoreWriter& operator=(StoreWriter&&) = delete;
  virtual ~StoreWriter() = default;

  // Makes the folders of a new repository.
  virtual void create_folders() = 0;
  virtual std::unique_ptr<ObjectWriter> begin_put() = 0;
  // Puts a whole object; one that exists under that name stays as it is.
  virtual void put(const std::string& name, View bytes) = 0;
  // Puts the object unless one of that name exists: false then. Durable after the next barrier.
  virtual bool put_if_absent(const std::string& name, View bytes) = 0;
  // What was put before is durable when this returns.
  virtual void barrier() = 0;
  // What has that name is durable when this returns, whoever has put it.
  virtual void confirm(const std::string& name) = 0;
};

class StoreRemover {
 public:
  StoreRemover() = default;
  StoreRemover(const StoreRemover&) = delete;
  StoreRemover& operator=(const StoreRemover&) = delete;
  StoreRemover(StoreRemover&&) = delete;
  StoreRemover& operator=(StoreRemover&&) = delete;
  virtual ~StoreRemover() = default;
  virtual void remove(const std::string& name) = 0;  // absent is fine
  // Puts the bytes in the place of a damaged or absent object: there is never a moment without one.
  virtual void replace(const std::string& name, View bytes) = 0;
};

class Store : public StoreReader, public StoreWriter, public StoreRemover {};

// A whole object of at most `size_max` bytes. Error{missing}, or {corrupt} when it is larger.
Bytes get_object(StoreReader& store, const std::string& name, std::uint64_t size_max);

}  // namespace kist
