#include "server/faults.h"

#include <optional>
#include <vector>

namespace regulus::server {

namespace {

constexpr std::string_view gap = "{}";

// The pieces of a form between its gaps.
using Pieces = std::vector<std::string_view>;
Pieces pieces_of(std::string_view form) {
  Pieces pieces;
  for (std::size_t end; (end = form.find(gap)) != std::string_view::npos; form.remove_prefix(end + gap.size())) {
    pieces.push_back(form.substr(0, end));
  }
  pieces.push_back(form);
  return pieces;
}

struct Row {
  Pieces english, french;
};
// Cut up once, when somebody first asks.
std::vector<Row> const& faults() {
  static std::vector<Row> const rows = {
#define PLACE(english, french)
#define FAULT(english, french) {pieces_of(english), pieces_of(french)},
#include "server/faults.def"
#undef FAULT
#undef PLACE
  };
  return rows;
}
std::vector<Row> const& places() {
  static std::vector<Row> const rows = {
#define PLACE(english, french) {pieces_of(english), pieces_of(french)},
#define FAULT(english, french)
#include "server/faults.def"
#undef FAULT
#undef PLACE
  };
  return rows;
}

struct Fit {
  std::size_t start = 0;                // of the form in the message
  std::vector<std::string_view> words;  // in its gaps
};

// Whether the message ends in this form, read from the end. A form that begins with a gap takes all that is left.
std::optional<Fit> fit(std::string_view message, Pieces const& pieces) {
  if (!message.ends_with(pieces.back())) return std::nullopt;
  std::size_t end = message.size() - pieces.back().size();
  Fit found;
  for (std::size_t k = pieces.size() - 1; k-- > 0;) {
    bool const takes_all = k == 0 && pieces[k].empty();
    std::size_t const at = takes_all ? 0 : message.substr(0, end).rfind(pieces[k]);
    if (at == std::string_view::npos) return std::nullopt;
    found.words.insert(found.words.begin(), message.substr(at + pieces[k].size(), end - at - pieces[k].size()));
    end = at;
  }
  found.start = end;
  return found;
}

std::string filled(Pieces const& pieces, std::vector<std::string_view> const& words) {
  std::string text;
  for (std::size_t k = 0; k < pieces.size(); ++k) {
    if (k > 0) text += words[k - 1];
    text += pieces[k];
  }
  return text;
}

std::string place_in_french(std::string_view place) {
  for (Row const& row : places()) {
    if (auto const found = fit(place, row.english); found && found->start == 0) {
      return filled(row.french, found->words);
    }
  }
  return std::string(place);
}

}  // namespace

std::string fault_in_french(std::string_view message) {
  // What a client sent stands before the reason and may look like another: the one that begins last is ours.
  Row const* best = nullptr;
  Fit last;
  for (Row const& row : faults()) {
    auto found = fit(message, row.english);
    if (!found || (best != nullptr && found->start <= last.start)) continue;
    best = &row;
    last = *std::move(found);
  }
  if (best == nullptr) return "";
  return place_in_french(message.substr(0, last.start)) + filled(best->french, last.words);
}

}  // namespace regulus::server
