#include "engine/blocks/objects.h"

#include <algorithm>
#include <utility>

#include "engine/crypto/hash.h"
#include "engine/crypto/seal.h"
#include "engine/format/limits.h"
#include "engine/format/names.h"
#include "engine/keys/keyring.h"
#include "engine/store/twins.h"

namespace kist {

namespace {

constexpr ObjectLayout key_segments{key_segment_path, key_segment_bytes_max};
constexpr ObjectLayout index_segments{index_segment_path, index_segment_bytes_max};
constexpr ObjectLayout bodies{body_path, body_bytes_max};
constexpr ObjectLayout reference_sets{reference_set_path, reference_set_bytes_max};

std::string path_of(ObjectType type, const ObjectHash& hash) {
  return layout_of(type).path(hash);
}

// The steps of opening that all types have in common. `author` is null where none is expected.
SecretBytes open_payload(ObjectType type,
                         const HashedBytes& object,
                         const RepositoryId& repository,
                         const Key& key,
                         const ExpectedAuthor* author) {
  const std::string path = path_of(type, object.hash);
  const Envelope envelope = decode_envelope_of(object.bytes, path, type, repository);
  SecretBytes payload = open_envelope(envelope, path, key);
  const bool is_its_authors =
      author == nullptr || (envelope.header.author == author->slot &&
                            (!author->epoch || envelope.header.epoch == *author->epoch) &&
                            is_signed_by(envelope, author->signing_key));
  if (is_its_authors) return payload;
  throw Error(Code::corrupt, concat(path, " is not its entry's author's to introduce"));
}

SealedObject seal_under(ObjectType type, const ObjectAuthor& author, const Key& key, View payload) {
  SealedObject out;
  out.bytes = seal_object({.type = type, .origin = author.origin}, key, author.signing_seed,
                          author.random, payload);
  out.hash = hash_object(out.bytes);
  if (out.bytes.size() <= layout_of(type).bytes_max) return out;
  throw Error(Code::failed,
              concat(path_of(type, out.hash), " would be too large to be read: ", out.bytes.size(),
                     " bytes of at most ", layout_of(type).bytes_max));
}

// An object under a random key of its own; the key travels in a key segment.
StoredObject put_under_own_key(StoreWriter& store,
                               ObjectType type,
                               const ObjectAuthor& author,
                               View payload) {
  Key key;
  author.random.fill(key.mutable_view());
  const SealedObject object = seal_under(type, author, key, payload);
  StoredObject out;
  out.key.hash = object.hash;
  std::ranges::copy(key.view(), out.key.key.begin());
  out.stored_bytes = put_sealed(store, type, object);
  return out;
}

}  // namespace

const ObjectLayout& layout_of(ObjectType type) {
  switch (type) {
    case ObjectType::key_segment:
      return key_segments;
    case ObjectType::index_segment:
      return index_segments;
    case ObjectType::body:
      return bodies;
    case ObjectType::reference_set:
      return reference_sets;
    case ObjectType::slot:
    case ObjectType::grant:
    case ObjectType::journal_entry:
      break;
  }
  KIST_ENSURE(false);
}

Bytes get_hashed(StoreReader& store, ObjectType type, const ObjectHash& hash, Observer& observer) {
  const ObjectLayout& layout = layout_of(type);
  const std::string path = layout.path(hash);
  const auto check = [&](View bytes) {
    if (hash_object(bytes) != hash) throw Error(Code::corrupt, concat(path, " is damaged"));
  };
  return get_twinned(store, path, layout.bytes_max, observer, check);
}

KeySegmentOuter open_key_segment(const HashedBytes& object,
                                 const RepositoryId& repository,
                                 const Key& index_key,
                                 const ExpectedAuthor& author) {
  const SecretBytes payload =
      open_payload(ObjectType::key_segment, object, repository, index_key, &author);
  return decode_key_segment(payload.view(), key_segment_path(object.hash));
}

KeySegmentSets open_key_segment_sets(const KeySegmentOuter& outer,
                                     const ObjectHash& hash,
                                     const Key& audit_secret) {
  const std::string path = key_segment_path(hash);
  const std::optional<SecretBytes> plain = open_box(audit_secret, outer.audit_box);
  if (!plain) throw Error(Code::corrupt, concat(path, ": the keys of its sets are not authentic"));
  KeySegmentSets sets = decode_key_segment_sets(plain->view(), path);
  const auto fits = [](const KeyGroup& names, const std::vector<KeyBytes>& keys) {
    return names.reference_sets.size() == keys.size();
  };
  if (!std::ranges::equal(outer.groups, sets.groups, fits)) {
    throw Error(Code::corrupt, concat(path, ": the keys of its sets do not match its names"));
  }
  return sets;
}

KeySegmentInner open_key_segment_inner(const KeySegmentOuter& outer,
                                       const ObjectHash& hash,
                                       const Key& epoch_secret) {
  const std::string path = key_segment_path(hash);
  const std::optional<SecretBytes> plain = open_box(epoch_secret, outer.inner_box);
  if (!plain) throw Error(Code::corrupt, concat(path, ": its sealed keys are not authentic"));
  KeySegmentInner inner = decode_key_segment_inner(plain->view(), path);
  const auto fits = [](const KeyGroup& names, const InnerKeyGroup& keys) {
    return names.packs.size() == keys.packs.size() && names.bodies.size() == keys.bodies.size();
  };
  if (!std::ranges::equal(outer.groups, inner.groups, fits)) {
    throw Error(Code::corrupt, concat(path, ": its keys do not match its names"));
  }
  return inner;
}

IndexSegment open_index_segment(const HashedBytes& object,
                                const RepositoryId& repository,
                                const Key& key,
                                const ExpectedAuthor& author) {
  const SecretBytes payload =
      open_payload(ObjectType::index_segment, object, repository, key, &author);
  return decode_index_segment(payload.view(), index_segment_path(object.hash));
}

SnapshotBody open_body(const HashedBytes& object, const RepositoryId& repository, const Key& key) {
  const SecretBytes payload = open_payload(ObjectType::body, object, repository, key, nullptr);
  return decode_body(payload.view(), body_path(object.hash));
}

ReferenceSet open_reference_set(const HashedBytes& object,
                                const RepositoryId& repository,
                                const Key& key) {
  const SecretBytes payload =
      open_payload(ObjectType::reference_set, object, repository, key, nullptr);
  return decode_reference_set(payload.view(), reference_set_path(object.hash));
}

namespace {

// Under an ephemeral key that is drawn.
Bytes seal_to(Random& random, const BoxPublicKey& recipient, Bytes plain) {
  Key ephemeral;
  random.fill(ephemeral.mutable_view());
  const SecretBytes secret(std::move(plain));
  return seal_box(recipient, ephemeral, secret.view());
}

}  // namespace

Bytes seal_author_box(Random& random, const BoxPublicKey& author, const KeyBytes& set_key) {
  return seal_to(random, author, Bytes(set_key.begin(), set_key.end()));
}

SealedObject seal_key_segment(const ObjectAuthor& author,
                              const KeySegmentKeys& keys,
                              OpenKeySegment parts) {
  KeySegmentOuter& outer = parts.outer;
  outer.audit_box = seal_to(author.random, keys.audit_key, encode_key_segment_sets(parts.sets));
  outer.inner_box = seal_to(author.random, keys.epoch_key, encode_key_segment_inner(parts.inner));
  const SecretBytes payload(encode_key_segment(outer));
  return seal_under(ObjectType::key_segment, author, keys.index_key, payload.view());
}

StoredObject put_index_segment(StoreWriter& store,
                               const ObjectAuthor& author,
                               const IndexSegment& segment) {
  return put_under_own_key(store, ObjectType::index_segment, author, encode_index_segment(segment));
}

StoredObject put_body(StoreWriter& store, const ObjectAuthor& author, const SnapshotBody& body) {
  return put_under_own_key(store, ObjectType::body, author, encode_body(body));
}

StoredObject put_reference_set(StoreWriter& store,
                               const ObjectAuthor& author,
                               const ReferenceSet& set) {
  return put_under_own_key(store, ObjectType::reference_set, author, encode_reference_set(set));
}

std::uint64_t put_sealed(StoreWriter& store, ObjectType type, const SealedObject& object) {
  put_twinned(store, path_of(type, object.hash), object.bytes);
  return 2 * object.bytes.size();
}

}  // namespace kist
