#include "engine/base/bytes.h"

namespace kist {

std::uint64_t ByteReader::fixed(std::size_t size) {
  const View bytes = take(size);
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    value |= static_cast<std::uint64_t>(bytes[i]) << (8 * i);
  }
  return value;
}

std::uint64_t ByteReader::varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const std::uint8_t byte = u8();
    const std::uint64_t low = byte & 0x7fU;
    if (shift == 63) require(low <= 1, "a number is longer than 64 bits");
    value |= low << shift;
    if ((byte & 0x80U) == 0) {
      require(shift == 0 || byte != 0, "a number is not in its shortest form");
      return value;
    }
  }
  fail("a number is longer than 64 bits");
}

std::uint64_t ByteReader::varint_up_to(std::uint64_t max, std::string_view what) {
  const std::uint64_t value = varint();
  if (value > max) fail(concat(what, " is ", value, ", more than ", max));
  return value;
}

View ByteReader::take(std::uint64_t size) {
  if (size > left()) fail(concat("needs ", size, " bytes more, has ", left()));
  const View out = bytes_.subspan(offset_, size);
  offset_ += size;
  return out;
}

std::vector<std::string> ByteReader::texts(std::uint64_t count_max, std::uint64_t each_max) {
  std::vector<std::string> out(
      varint_up_to(std::min<std::uint64_t>(count_max, left()), "a count of texts"));
  for (std::string& value : out) {
    value = text(each_max, "a text");
  }
  return out;
}

std::uint32_t ByteReader::count(std::uint64_t each_size, std::string_view what) {
  const std::uint32_t value = u32();
  if (value > left() / each_size) fail(concat(value, " ", what, " cannot follow"));
  return value;
}

void ByteReader::expect_end() const {
  if (left() != 0) fail(concat(left(), " bytes too many"));
}

void ByteReader::fail(std::string_view what) const {
  throw Error(Code::corrupt, concat(object_, " at offset ", offset_, ": ", what));
}

void ByteWriter::varint(std::uint64_t value) {
  while (value >= 0x80) {
    bytes_.push_back(static_cast<std::uint8_t>(value | 0x80U));
    value >>= 7;
  }
  bytes_.push_back(static_cast<std::uint8_t>(value));
}

void ByteWriter::texts(const std::vector<std::string>& values) {
  varint(values.size());
  for (const std::string& value : values) {
    text(value);
  }
}

}  // namespace kist
