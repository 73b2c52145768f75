#include "engine/keys/key_file.h"

#include <cctype>

namespace kist {

namespace {

// Taken at once: a buffer that grows would leave copies of the secret behind.
constexpr std::size_t key_file_bytes_max = 256;
constexpr std::string_view key_file_prefix = "kist-key-1:";
constexpr std::string_view hex_digits = "0123456789abcdef";

}  // namespace

SecretBytes encode_key_file(const Key& key) {
  ByteWriter out(key_file_bytes_max);
  out.raw(as_view(key_file_prefix));
  for (const std::uint8_t byte : key.view()) {
    out.u8(static_cast<std::uint8_t>(hex_digits[byte >> 4U]));
    out.u8(static_cast<std::uint8_t>(hex_digits[byte & 15U]));
  }
  out.raw(as_view("\n"));
  return SecretBytes(out.take());
}

Credential parse_key_file(View text, const std::string& path) {
  ByteWriter without_space(text.size());
  for (const std::uint8_t byte : text) {
    if (std::isspace(byte) == 0) without_space.u8(byte);
  }
  const SecretBytes line(without_space.take());
  const std::string_view digits = as_text(line.view());
  Bytes key(Key::size);
  if (!digits.starts_with(key_file_prefix) ||
      !from_hex(digits.substr(key_file_prefix.size()), key.data(), key.size())) {
    throw Error(Code::invalid,
                concat(path, " is not a key file of Kist; kist key generate makes one"));
  }
  return {SlotKind::key_file, SecretBytes(std::move(key))};
}

}  // namespace kist
