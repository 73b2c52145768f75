// The sealed objects that are named by their hash: key segments, index segments, bodies, reference
// sets. Here is the one path by which they go into a store and come out of it.
//
// Invariant, in: an object is sealed, signed, small enough to be read, and put under the path of
// its type, twice. Invariant, out: a value is returned only if the bytes'
// hash is the one asked for, the envelope has the right type and repository, the expected author
// signed it (where one is expected), it opens with the key, and its payload decodes.
//
// Getting has two steps, because their failures mean different things. get_hashed() fails if the
// store has lost or damaged the object: Error{missing} or {corrupt}, here and perhaps only now. The
// open functions get bytes that are as their author wrote them: Error{corrupt} or {unsupported}
// from them means that the author wrote nonsense, and that every client finds the same.
// docs/format.md, "Key segments", "Index segments", "Bodies", "Reference sets".
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/base/observer.h"
#include "engine/base/random.h"
#include "engine/crypto/secret.h"
#include "engine/format/index.h"
#include "engine/format/snapshot.h"
#include "engine/keys/sealed_object.h"
#include "engine/store/store.h"

namespace kist {

// How the objects of a type lie in a store.
struct ObjectLayout {
  std::string (*path)(const ObjectHash& hash);
  std::uint64_t bytes_max = 0;
};

// Of key_segment, index_segment, body and reference_set; others have no hash for a name.
const ObjectLayout& layout_of(ObjectType type);

// Step one: the bytes of that hash. The second copy serves where the first is missing or damaged;
// the observer is told so.
Bytes get_hashed(StoreReader& store, ObjectType type, const ObjectHash& hash, Observer& observer);

// Whose an object must be. `epoch` is set where the object must be of one epoch.
struct ExpectedAuthor {
  SlotId slot;
  const SigningPublicKey& signing_key;
  std::optional<EpochId> epoch{};
};

// Step two: bytes that get_hashed() returned. `hash` is for the text of errors.
struct HashedBytes {
  View bytes;
  const ObjectHash& hash;
};

// A key segment's outer part, which every slot may open. Secret: its owner wipes it.
KeySegmentOuter open_key_segment(const HashedBytes& object,
                                 const RepositoryId& repository,
                                 const Key& index_key,
                                 const ExpectedAuthor& author);
// Its sets, for slots that read or audit: one key a reference set of the outer part.
KeySegmentSets open_key_segment_sets(const KeySegmentOuter& outer,
                                     const ObjectHash& hash,
                                     const Key& audit_secret);
// Its inner part, for readers: one key a pack and one a body of the outer part.
KeySegmentInner open_key_segment_inner(const KeySegmentOuter& outer,
                                       const ObjectHash& hash,
                                       const Key& epoch_secret);
IndexSegment open_index_segment(const HashedBytes& object,
                                const RepositoryId& repository,
                                const Key& key,
                                const ExpectedAuthor& author);
// Bodies and reference sets have no author of their own: the entry that names their hash is signed.
SnapshotBody open_body(const HashedBytes& object, const RepositoryId& repository, const Key& key);
ReferenceSet open_reference_set(const HashedBytes& object,
                                const RepositoryId& repository,
                                const Key& key);

// On whose behalf objects are made. Of random bytes, first the object's key is drawn, then its
// nonce; of a key segment, first the keys of its two boxes, then the nonce.
struct ObjectAuthor {
  const ObjectOrigin& origin;
  const Key& signing_seed;
  Random& random;
};

// A sealed object, not stored yet. Error{failed} instead if no client would read one as large.
struct SealedObject {
  ObjectHash hash;
  Bytes bytes;
};

// The keys that seal a key segment.
struct KeySegmentKeys {
  const Key& index_key;           // of the epoch, for the outer part
  const BoxPublicKey& audit_key;  // of the epoch, for the sets
  const BoxPublicKey& epoch_key;  // of the epoch, for the inner part
};

// The three parts of a key segment, open. The outer one is without its boxes.
struct OpenKeySegment {
  KeySegmentOuter outer;
  KeySegmentSets sets;
  KeySegmentInner inner;
  bool operator==(const OpenKeySegment&) const = default;
};

SealedObject seal_key_segment(const ObjectAuthor& author,
                              const KeySegmentKeys& keys,
                              OpenKeySegment parts);
// The key of a reference set, as a group has it for the author of a pending snapshot.
Bytes seal_author_box(Random& random, const BoxPublicKey& author, const KeyBytes& set_key);

// An object that was put: its hash with the random key that opens it, and the bytes of all its
// copies. Durable after the store's next barrier.
struct StoredObject {
  NamedKey key;
  std::uint64_t stored_bytes = 0;
};

StoredObject put_index_segment(StoreWriter& store,
                               const ObjectAuthor& author,
                               const IndexSegment& segment);
StoredObject put_body(StoreWriter& store, const ObjectAuthor& author, const SnapshotBody& body);
StoredObject put_reference_set(StoreWriter& store,
                               const ObjectAuthor& author,
                               const ReferenceSet& set);
// Puts both copies of a sealed object; returns the bytes of both.
std::uint64_t put_sealed(StoreWriter& store, ObjectType type, const SealedObject& object);

}  // namespace kist
