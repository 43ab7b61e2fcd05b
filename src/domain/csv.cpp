// parse_csv of domain/bookings_csv.h: from text to cells.
#include <fmt/format.h>

#include <algorithm>

#include "domain/bookings_csv.h"

namespace regulus {

namespace {

// The first byte that is not part of well-formed UTF-8 (RFC 3629), or npos.
std::size_t first_not_utf8(std::string_view text) {
  auto const byte = [text](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  for (std::size_t i = 0; i < text.size();) {
    unsigned const lead = byte(i);
    std::size_t const length = lead < 0x80                   ? 1
                               : lead >= 0xC2 && lead < 0xE0 ? 2
                               : lead >= 0xE0 && lead < 0xF0 ? 3
                               : lead >= 0xF0 && lead < 0xF5 ? 4
                                                             : 0;
    if (length == 0 || lead == 0) return i;
    for (std::size_t k = 1; k < length; ++k) {
      if ((byte(i + k) & 0xC0U) != 0x80U) return i;
    }
    unsigned const second = byte(i + 1);
    // Overlong forms, surrogates, beyond U+10FFFF.
    if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) || (lead == 0xF0 && second < 0x90) ||
        (lead == 0xF4 && second > 0x8F))
      return i;
    i += length;
  }
  return std::string_view::npos;
}

// The separator that stands most often in the first record, outside of quotes.
char separator_of(std::string_view text) {
  constexpr std::string_view candidates = ",;\t";
  std::array<std::size_t, candidates.size()> counts{};
  bool quoted = false;
  for (char c : text) {
    if (c == '"') quoted = !quoted;
    if (!quoted && (c == '\n' || c == '\r')) break;
    if (std::size_t const which = candidates.find(c); !quoted && which != std::string_view::npos) ++counts[which];
  }
  return candidates[static_cast<std::size_t>(std::ranges::max_element(counts) - counts.begin())];
}

class Parser {
 public:
  Parser(std::string_view text, char separator) : text_(text), separator_(separator) {}

  // The next record, or nothing at the end. Records without a character are skipped.
  Result<std::optional<CsvTable::Row>> next() {
    while (at_ < text_.size() && end_of_line()) take_end_of_line();
    if (at_ >= text_.size()) return std::optional<CsvTable::Row>{};
    CsvTable::Row row{.line = line_, .cells = {}};
    while (true) {
      Result<std::string> cell = at_ < text_.size() && text_[at_] == '"' ? quoted() : plain();
      if (!cell) return cell.error();
      row.cells.push_back(cell.take());
      if (at_ < text_.size() && text_[at_] == separator_) {
        ++at_;
        continue;
      }
      take_end_of_line();
      return std::optional(std::move(row));
    }
  }

 private:
  bool end_of_line() const { return text_[at_] == '\n' || text_[at_] == '\r'; }
  void take_end_of_line() {
    if (at_ >= text_.size()) return;
    at_ += text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n' ? 2 : 1;
    ++line_;
  }
  Result<std::string> plain() {
    std::size_t const from = at_;
    while (at_ < text_.size() && text_[at_] != separator_ && !end_of_line()) ++at_;
    return std::string(text_.substr(from, at_ - from));
  }
  Result<std::string> quoted() {
    std::int64_t const opened = line_;
    std::string cell;
    ++at_;
    while (at_ < text_.size()) {
      if (text_[at_] == '"') {
        ++at_;
        if (at_ == text_.size() || text_[at_] != '"') {
          if (at_ == text_.size() || text_[at_] == separator_ || end_of_line()) return cell;
          return invalid(
              fmt::format("line {}: text behind the quotes that close a cell; double the quotes inside it", line_));
        }
      }
      line_ += text_[at_] == '\n';
      cell += text_[at_++];
    }
    return invalid(fmt::format("line {}: quotes are opened and never closed", opened));
  }

  std::string_view text_;
  char separator_;
  std::size_t at_ = 0;
  std::int64_t line_ = 1;
};

}  // namespace

Result<CsvTable> parse_csv(std::string_view text) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  if (std::size_t const wrong = first_not_utf8(text); wrong != std::string_view::npos) {
    return invalid(fmt::format("line {}: the text is not UTF-8; export it as \"CSV UTF-8\"",
                               1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(wrong), '\n')));
  }
  CsvTable table;
  table.separator = separator_of(text);
  Parser parser(text, table.separator);
  Result<std::optional<CsvTable::Row>> header = parser.next();
  if (!header) return header.error();
  if (!*header) return invalid("the file is empty; its first line must name the columns");
  table.header = std::move((*header)->cells);
  while (true) {
    Result<std::optional<CsvTable::Row>> row = parser.next();
    if (!row) return row.error();
    if (!*row) return table;
    table.rows.push_back(std::move(**row));
  }
}

}  // namespace regulus
