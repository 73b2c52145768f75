#include "cli/recovery_sheet.h"

#include <memory>

#include <qrencode.h>

namespace kist::cli {

namespace {

// Reserved at once: a buffer that grew would leave copies of the key in memory.
constexpr std::size_t sheet_bytes_max = 64U << 10U;
constexpr int quiet_zone = 4;  // modules around the code, as its standard asks

struct WipeCode {
  void operator()(QRcode* code) const {
    const auto width = static_cast<std::size_t>(code->width);
    wipe({code->data, width * width});
    QRcode_free(code);
  }
};

// Each line of text shows two rows of modules; dark modules are printed.
void add_code(ByteWriter& out, View text) {
  const std::unique_ptr<QRcode, WipeCode> code(
      QRcode_encodeData(static_cast<int>(text.size()), text.data(), 0, QR_ECLEVEL_M));
  if (!code) throw Error(Code::failed, "the QR code could not be made");
  const auto is_dark = [&](int x, int y) {
    const bool is_inside = x >= 0 && y >= 0 && x < code->width && y < code->width;
    return is_inside && (code->data[y * code->width + x] & 1U) != 0;
  };
  for (int y = -quiet_zone; y < code->width + quiet_zone; y += 2) {
    for (int x = -quiet_zone; x < code->width + quiet_zone; ++x) {
      const bool upper = is_dark(x, y);
      const bool lower = is_dark(x, y + 1);
      if (upper && lower) {
        out.raw(as_view("█"));
      } else if (upper) {
        out.raw(as_view("▀"));
      } else {
        out.raw(as_view(lower ? "▄" : " "));
      }
    }
    out.raw(as_view("\n"));
  }
}

// Writes "kist-key-1:" and below it the digits, 32 a line in groups of four, easy to copy by hand.
void add_key(ByteWriter& out, View text) {
  const std::string_view line = as_text(text);
  const std::size_t colon = line.find(':') + 1;
  out.raw(as_view("    "));
  out.raw(as_view(line.substr(0, colon)));
  for (std::size_t i = 0; colon + i < line.size() && line[colon + i] != '\n'; ++i) {
    if (i % 32 == 0) {
      out.raw(as_view("\n    "));
    } else if (i % 4 == 0) {
      out.raw(as_view(" "));
    }
    out.raw(as_view(line.substr(colon + i, 1)));
  }
  out.raw(as_view("\n"));
}

}  // namespace

SecretBytes make_recovery_sheet(const RecoverySheet& sheet, View key_text) {
  ByteWriter out(sheet_bytes_max);
  const auto add = [&](const std::string& text) { out.raw(as_view(text)); };
  add("KIST RECOVERY SHEET\n\n");
  add("Whoever holds this sheet can open the repository. Keep it under lock, apart from the\n"
      "backups, and keep no copy that is not known.\n\n");
  add(concat("    repository   ", sheet.repository, "\n"));
  add(concat("    fingerprint  ", sheet.fingerprint, "\n"));
  add(concat("    location     ", sheet.location, "\n"));
  add(concat("    slot         ", sheet.slot, "\n"));
  add(concat("    made         ", sheet.time, "\n\nThe key:\n\n"));
  add_key(out, key_text);
  add("\nTo use it, type the key into a file, first line included, or scan the code below and put\n"
      "what it says into a file. Then, with that file:\n\n"
      "    chmod 600 FILE\n"
      "    kist snapshots --repo LOCATION --key-file FILE\n"
      "    kist restore --repo LOCATION --key-file FILE latest@SOURCE --target DIR\n\n"
      "The first lists the snapshots; SOURCE is one of the column of that name.\n"
      "If another slot is opened than the one above, or damaged ones are named: add --slot, with\n"
      "the digits of the slot above.\n\n"
      "If the sheet is lost or was seen by others: kist key revoke, with the slot above.\n\n");
  add_code(out, key_text);
  return SecretBytes(out.take());
}

}  // namespace kist::cli
