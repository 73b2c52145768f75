#include "cli/report.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <clocale>
#include <cstdio>
#include <ctime>
#include <cwchar>

#include <unistd.h>

namespace kist::cli {

std::string human_size(std::uint64_t bytes) {
  constexpr std::array units = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < units.size()) {
    value /= 1024;
    ++unit;
  }
  std::array<char, 32> out{};
  static_cast<void>(
      std::snprintf(out.data(), out.size(), unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]));
  return out.data();
}

namespace {

std::string format_time(std::int64_t time_ms, const char* format, bool is_local) {
  const std::time_t seconds = time_ms / 1000 - (time_ms % 1000 < 0 ? 1 : 0);  // rounded down
  std::tm broken{};
  if (is_local) {
    ::localtime_r(&seconds, &broken);
  } else {
    ::gmtime_r(&seconds, &broken);
  }
  std::array<char, 64> out{};
  const std::size_t size = std::strftime(out.data(), out.size(), format, &broken);
  return {out.data(), size};
}

std::string escaped_byte(unsigned char byte) {
  std::array<char, 8> out{};
  static_cast<void>(std::snprintf(out.data(), out.size(), "\\x%02x", byte));
  return out.data();
}

// The length of the UTF-8 sequence at the start of `text`; 0 when there is no valid one.
std::size_t utf8_length(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = at(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : (first >= 0xe0 ? 3 : (first >= 0xc2 ? 2 : 0));
  if (length == 0 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xc0U) != 0x80) return 0;
  }
  if ((first == 0xe0 && at(1) < 0xa0) || (first == 0xed && at(1) > 0x9f) ||
      (first == 0xf0 && at(1) < 0x90) || (first == 0xf4 && at(1) > 0x8f)) {
    return 0;
  }
  return length;
}

bool is_control(std::string_view character) {
  const auto byte = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return byte < 0x20 || byte == 0x7f;
  return character.size() == 2 && byte == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0;
}

// Of valid UTF-8.
std::uint32_t code_point(std::string_view character) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
  if (character.size() == 1) return byte(0);
  std::uint32_t out = byte(0) & (0x7fU >> character.size());
  for (std::size_t i = 1; i < character.size(); ++i) {
    out = out << 6U | (byte(i) & 0x3fU);
  }
  return out;
}

// Marks, embeddings, overrides and isolates of writing direction, and separators of lines and
// paragraphs: with one of these "exe.txt" is shown for "txt.exe", or a line looks like two.
bool is_reordering(std::string_view character) {
  const std::uint32_t code = code_point(character);
  return code == 0x61c || code == 0x200e || code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
         (code >= 0x2066 && code <= 0x2069);
}

}  // namespace

std::string local_time(std::int64_t time_ms) {
  return format_time(time_ms, "%Y-%m-%d %H:%M:%S", true);
}

std::string utc_time(std::int64_t time_ms) {
  std::array<char, 16> fraction{};
  static_cast<void>(std::snprintf(fraction.data(), fraction.size(), ".%03dZ",
                                  static_cast<int>((time_ms % 1000 + 1000) % 1000)));
  return format_time(time_ms, "%Y-%m-%dT%H:%M:%S", false) + fraction.data();
}

std::string human_duration(std::int64_t time_ms) {
  std::array<char, 48> out{};
  if (time_ms < 60'000) {
    static_cast<void>(
        std::snprintf(out.data(), out.size(), "%.1f s", static_cast<double>(time_ms) / 1000));
  } else {
    static_cast<void>(std::snprintf(out.data(), out.size(), "%lld min %lld s",
                                    static_cast<long long>(time_ms / 60'000),
                                    static_cast<long long>(time_ms / 1000 % 60)));
  }
  return out.data();
}

std::string printable(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text.substr(i));
    const std::string_view character = text.substr(i, std::max<std::size_t>(length, 1));
    if (length == 0 || is_control(character) || is_reordering(character)) {
      for (const char byte : character) {
        out += escaped_byte(static_cast<unsigned char>(byte));
      }
    } else {
      out += character;
    }
    i += character.size();
  }
  return out;
}

std::string json_text(std::string_view bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes.size();) {
    const std::size_t length = utf8_length(bytes.substr(i));
    if (length == 0) {
      out += escaped_byte(static_cast<unsigned char>(bytes[i]));
      ++i;
    } else {
      out += bytes.substr(i, length);
      i += length;
    }
  }
  return out;
}

namespace {

// wcwidth() answers for the locale of the thread, and the person's own may be "C", which knows
// ASCII alone. While one of these is there, the thread has the C library's own UTF-8 locale.
class Utf8Locale : private Pinned {
 public:
  Utf8Locale() : former_(utf8() == nullptr ? nullptr : ::uselocale(utf8())) {}

  ~Utf8Locale() {
    if (former_ != nullptr) ::uselocale(former_);
  }

 private:
  static locale_t utf8() {
    static const locale_t made = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    return made;
  }

  locale_t former_;
};

// The character that a valid UTF-8 sequence stands for.
wchar_t decode_utf8(std::string_view sequence) {
  const auto first = static_cast<unsigned char>(sequence.front());
  std::uint32_t out = sequence.size() == 1 ? first : first & (0x7fU >> sequence.size());
  for (const char c : sequence.substr(1)) {
    out = out << 6U | (static_cast<unsigned char>(c) & 0x3fU);
  }
  return static_cast<wchar_t>(out);
}

// Calls `each` with the length in bytes and the columns of every character, until it returns false.
template <typename Each>
void for_each_character(std::string_view text, const Each& each) {
  const Utf8Locale locale;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text.substr(i));
    const int width = length < 2 ? 1 : ::wcwidth(decode_utf8(text.substr(i, length)));
    const std::size_t bytes = std::max<std::size_t>(length, 1);
    if (!each(bytes, width < 0 ? std::size_t{1} : static_cast<std::size_t>(width))) return;
    i += bytes;
  }
}

}  // namespace

std::size_t column_count(std::string_view text) {
  std::size_t out = 0;
  for_each_character(text, [&](std::size_t /*bytes*/, std::size_t columns) {
    out += columns;
    return true;
  });
  return out;
}

std::string padded(std::string_view text, std::size_t columns) {
  std::string out(text);
  out.append(columns - std::min(columns, column_count(text)), ' ');
  return out;
}

std::string_view clipped(std::string_view text, std::size_t columns) {
  std::size_t end = 0;
  for_each_character(text, [&](std::size_t bytes, std::size_t wide) {
    if (wide > columns) return false;
    columns -= wide;
    end += bytes;
    return true;
  });
  return text.substr(0, end);
}

void Table::print() const {
  std::vector<std::size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], column_count(row[i]));
    }
  }
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const bool is_right = std::ranges::find(right_, i) != right_.end();
      if (is_right) line.append(widths[i] - column_count(row[i]), ' ');
      line += is_right ? row[i] : padded(row[i], widths[i]);
      if (i + 1 < row.size()) line += "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    print_line(line);
  }
}

void print_bytes(View bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) != bytes.size()) {
    throw Error(Code::failed, "cannot write to standard output");
  }
}

void print_line(std::string_view line) {
  print_bytes(as_view(concat(line, "\n")));
}

void print_secret(View bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) throw Error(Code::failed, "cannot write to standard output");
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void print_json(const Json& json) {
  print_line(json.dump());
}

Json text_list(const std::vector<std::string>& texts) {
  Json out = Json::array();
  for (const std::string& text : texts) {
    out.push_back(json_text(text));
  }
  return out;
}

Json statistics_json(std::int64_t started_ms, const SnapshotStatistics& statistics) {
  return {{"started", utc_time(started_ms)},
          {"finished", utc_time(statistics.finished_ms)},
          {"files_new", statistics.files_new},
          {"files_changed", statistics.files_changed},
          {"files_unmodified", statistics.files_unmodified},
          {"directories", statistics.directories},
          {"others", statistics.others},
          {"bytes_total", statistics.bytes_total},
          {"bytes_read", statistics.bytes_read},
          {"bytes_new", statistics.bytes_new},
          {"bytes_stored", statistics.bytes_stored},
          {"blocks_new", statistics.blocks_new},
          {"problems", statistics.problems}};
}

}  // namespace kist::cli
