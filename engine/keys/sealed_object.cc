#include "engine/keys/sealed_object.h"

#include "engine/crypto/seal.h"
#include "engine/crypto/sign.h"

namespace kist {

Bytes seal_object(
    const ObjectHead& head, const Key& key, const Key& signing_seed, Random& random, View payload) {
  const SecretBytes padded(pad_payload(payload));
  const EnvelopeHeader header{.type = head.type,
                              .repository = head.origin.repository,
                              .epoch_number = head.origin.epoch_number,
                              .epoch = head.origin.epoch,
                              .author = head.origin.author,
                              .nonce = random.draw_id<Nonce>()};
  const std::uint64_t sealed_size = padded.view().size() + seal_overhead;
  Bytes out = encode_envelope_start(header, head.clear, sealed_size);
  const std::size_t start = out.size();
  out.resize(start + sealed_size);
  const MutableView all(out);
  seal(key, header.nonce, all.first(start), padded.view(), all.subspan(start));
  const Signature signature = sign(signing_seed, out);
  out.insert(out.end(), signature.bytes.begin(), signature.bytes.end());
  return out;
}

Envelope decode_envelope_of(View bytes,
                            std::string_view object,
                            ObjectType type,
                            const RepositoryId& repository) {
  Envelope envelope = decode_envelope(bytes, object);
  if (envelope.header.type != type) {
    throw Error(Code::corrupt, concat(object, " is an object of another type"));
  }
  if (envelope.header.repository != repository) {
    throw Error(Code::corrupt, concat(object, " belongs to another repository"));
  }
  return envelope;
}

SecretBytes open_envelope(const Envelope& envelope, std::string_view object, const Key& key) {
  Bytes plain(envelope.sealed.size() - seal_overhead);
  if (!open(key, envelope.header.nonce, envelope.associated, envelope.sealed, plain)) {
    throw Error(Code::corrupt, concat(object, " is not authentic: damaged, or not what it claims"));
  }
  const SecretBytes padded(std::move(plain));
  const View payload = unpad_payload(padded.view(), object);
  return SecretBytes(Bytes(payload.begin(), payload.end()));
}

SecretBytes open_object(View bytes,
                        std::string_view object,
                        ObjectType type,
                        const RepositoryId& repository,
                        const Key& key) {
  return open_envelope(decode_envelope_of(bytes, object, type, repository), object, key);
}

bool is_signed_by(const Envelope& envelope, const SigningPublicKey& key) {
  return verify_signature(key, envelope.signed_part, envelope.signature);
}

}  // namespace kist
