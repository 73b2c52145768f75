// The seam to the place where objects live: a directory, later S3, SFTP. An object is some bytes
// under a path, for example `packs/3f/3f9a…`; it is put once, whole, and never changes. Code that
// only reads holds a StoreReader, code that adds a StoreWriter; only Remover holds a StoreRemover.
// docs/format.md, "Store layout".
//
// Threads: every method of a Store may be called from many threads at once, on one Store and on
// several that are open on the same place, in this process or elsewhere. A callback runs in the
// calling thread, with no lock held: it may call the store again, and what it throws passes
// through. An ObjectWriter belongs to one thread at a time.
//
// Paths: `/` between components; each component is made of a-z, 0-9, `.` and `-` and is neither `.`
// nor `..`; at most object_path_bytes_max bytes in all. No object's path is another object's
// folder. Folders need not be made: a put makes those that lack. Callers build paths with
// format/names.h only; a store does not check them.
//
// Failures: every method may throw
//   Error{failed}       the store cannot do it now: the medium cannot be read, no room, no
//                       permission, a lock on the object, no answer. The text says which; no caller
//                       acts on the difference. A store that talks to a server has itself retried
//                       whatever is worth a retry (a timeout, 503, S3's 409) before it throws this.
//   Error{unsupported}  the store does not know the operation at all (501 on a conditional put).
//   Interrupted         the person asked to stop while the store waited; it is no Error.
// Each method below names what it throws besides.
//
// After an Error of a method that changes the store, the change may have happened, may not have
// happened, or may happen later (a request that is still under way), but never in part: an object
// is there whole or not at all. put() may be repeated with the same path and the same bytes, and
// with no others; put_if_absent() may be repeated with any, for it changes nothing that exists.
//
// Visibility: what put, put_if_absent, finish, remove or replace did before it returned is what
// size() and get_range() of every client see from then on. Only list() may lag behind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "engine/base/bytes.h"
#include "engine/base/pinned.h"

namespace kist {

// S3 takes 1,024 bytes, file systems 255 a component, eCryptfs 143. Kist's longest path is an epoch
// box's second copy: 7 + 10 + 1 + 32 + 1 + 32 + 2 bytes.
inline constexpr std::size_t object_path_bytes_max = 128;

class StoreReader : private Pinned {
 public:
  virtual ~StoreReader() = default;

  // The object's size in bytes; nullopt when nothing has that path. Nullopt does not prove that the
  // path stays free: a put whose answer was lost may still arrive.
  [[nodiscard]] virtual std::optional<std::uint64_t> size(const std::string& path) = 0;

  // Reads into `out` from `offset` and returns the number of bytes read: out.size(), or fewer where
  // the object ends; 0 from its end on. Error{missing} when nothing has that path, Error{corrupt}
  // when something has it that is no object (a directory, link or fifo in a local store). Rejects
  // nothing for its content: whoever reads checks hashes and signatures.
  virtual std::size_t get_range(const std::string& path, std::uint64_t offset, MutableView out) = 0;

  // Calls `each` with the path, relative to `folder`, of every object below it, in no order:
  // list("packs") gives `3f/3f9a…`. An absent folder holds nothing; "" is the whole store.
  //
  // A listing goes no deeper than the objects of that folder lie (listing_depth() in
  // format/names.h), and through no link: anybody who may put a file can put a folder that leads
  // back to its parent, and a listing would not end. What lies deeper is not looked at; the folder
  // that holds it is named instead, and so is a link.
  //
  // A listing is a hint. It proves nothing by leaving a path out, because an object put a moment
  // ago may not be listed yet; and nothing by naming one, because that may have been removed since,
  // may be named twice while others put, or be no object of Kist's at all (a synchroniser's
  // copy, a file below `tmp/` that is being written). So existence is asked of size(), and
  // what must be gone is listed again until nothing is left. Only the journal says what must exist.
  virtual void list(const std::string& folder,
                    const std::function<void(const std::string&)>& each) = 0;

  // The same with each object's size: the same hint, and no more. A store that talks to a server
  // takes the sizes from the listing's answer; by default each is asked of size(), and what is gone
  // by then is left out.
  virtual void list_sizes(const std::string& folder,
                          const std::function<void(const std::string&, std::uint64_t)>& each);
};

// An object written piece by piece, for packs: their path is known only at their end. Destroyed
// before finish() it leaves no object (an upload that was begun is given up). After an Error only
// its destruction is left: put the whole object again with another writer. Must not outlive its
// store.
class ObjectWriter : private Pinned {
 public:
  virtual ~ObjectWriter() = default;
  virtual void append(View bytes) = 0;
  // Gives the object its path, as put() does: an object that has it already stays as it is. Called
  // once, last.
  virtual void finish(const std::string& path) = 0;
};

class StoreWriter : private Pinned {
 public:
  virtual ~StoreWriter() = default;

  // Makes the place ready for a new repository, durably: a local store makes its root and the
  // folders of docs/format.md, a store without folders makes nothing. May be repeated.
  virtual void create_folders() = 0;

  virtual std::unique_ptr<ObjectWriter> begin_put() = 0;

  // Puts a whole object. An object that has that path stays as it is, whatever its bytes: nobody is
  // told, for nearly all paths name the hash of the bytes. Durable after the next barrier().
  virtual void put(const std::string& path, View bytes) = 0;

  // The compare-and-swap that the journal is made of: of any number of calls for one free path, by
  // any clients, at most one returns true, and its bytes are the object's for ever. False: an
  // object stands there. It may be this very call's: a request that was repeated below us, after
  // its first answer was lost, finds its own object. So after false the caller reads back and
  // compares.
  //
  // An Error decides nothing, and neither does one reading-back: absent may become present later.
  // The caller reads back; bytes of its own mean success, other bytes mean that it lost; while
  // there are none it may repeat the call with the same bytes, and must not take the path for free.
  // Durable after the next barrier(). exclusive_put.h tests whether a store keeps this promise.
  virtual bool put_if_absent(const std::string& path, View bytes) = 0;

  // When this returns, every change that was made through this Store, in any thread, by a call that
  // returned before this one began, survives a power cut. Says nothing of other clients' changes.
  // After an Error none of those changes may be taken for durable, a second barrier() that succeeds
  // included: a kernel reports a failed write once. The caller acknowledges nothing and gives up;
  // a later run puts the objects again. SFTP cannot sync a directory: there a name is as durable as
  // the server makes it.
  virtual void barrier() = 0;

  // When this returns, the object that has that path, whoever put it, survives a power cut. The
  // object exists: a caller has read it. After an Error the same holds as for barrier().
  virtual void confirm(const std::string& path) = 0;
};

class StoreRemover : private Pinned {
 public:
  virtual ~StoreRemover() = default;

  // Removes the object and all its versions, overwritten at the next barrier() where the store has
  // a medium of its own; absent is fine. A reader that has begun may still get bytes, right or not.
  // Durable after the next barrier(). Does not prove that the path stays free: a put may be late.
  virtual void remove(const std::string& path) = 0;

  // The same of an object that nothing opens any more: its bytes need not be overwritten.
  virtual void discard(const std::string& path) { remove(path); }

  // Puts the bytes in the place of a damaged object, or of one that is absent. Every reader gets
  // the old object or the new one, whole, and there is no moment without one. Durable after the
  // next barrier(). Two replacements at once leave one of the two.
  virtual void replace(const std::string& path, View bytes) = 0;
};

class Store : public StoreReader, public StoreWriter, public StoreRemover {};

// The whole object, for a caller that goes on without it: nullopt only when nothing has that path.
// Error{corrupt} when it is larger than `size_max`, before anything is read, or shorter than its
// size.
[[nodiscard]] std::optional<Bytes> find_object(StoreReader& store,
                                               const std::string& path,
                                               std::uint64_t size_max);
// The same for an object that must be there: Error{missing} when it is not.
Bytes get_object(StoreReader& store, const std::string& path, std::uint64_t size_max);

}  // namespace kist
