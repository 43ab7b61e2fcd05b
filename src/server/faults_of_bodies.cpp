#include "server/faults_of_bodies.h"

#include <array>
#include <optional>
#include <vector>

namespace regulus::server {

namespace {

struct Row {
  std::string_view english, french;
};
constexpr std::array rows = std::to_array<Row>({
#define FAULT_OF_BODY(english, french) {english, french},
#include "server/faults_of_bodies.def"
#undef FAULT_OF_BODY
});

constexpr std::string_view gap = "{}";

// The pieces of a form between its gaps.
std::vector<std::string_view> pieces_of(std::string_view form) {
  std::vector<std::string_view> pieces;
  for (std::size_t end; (end = form.find(gap)) != std::string_view::npos; form.remove_prefix(end + gap.size())) {
    pieces.push_back(form.substr(0, end));
  }
  pieces.push_back(form);
  return pieces;
}

struct Fit {
  std::size_t start = 0;                // of the form in the message
  std::vector<std::string_view> words;  // in its gaps
};

// Whether the message ends in this form, read from the end.
std::optional<Fit> fit(std::string_view message, std::vector<std::string_view> const& pieces) {
  if (!message.ends_with(pieces.back())) return std::nullopt;
  std::size_t end = message.size() - pieces.back().size();
  Fit found;
  for (std::size_t k = pieces.size() - 1; k-- > 0;) {
    std::size_t const at = message.substr(0, end).rfind(pieces[k]);
    if (at == std::string_view::npos) return std::nullopt;
    found.words.insert(found.words.begin(), message.substr(at + pieces[k].size(), end - at - pieces[k].size()));
    end = at;
  }
  found.start = end;
  return found;
}

// "the document = an object": a place and a value, where they are words of ours.
std::string head_in_french(std::string_view head) {
  constexpr std::string_view document = "the document";
  std::string french(head);
  if (head.starts_with(document)) french.replace(0, document.size(), "le document");
  for (auto const& [english, word] : std::to_array<std::pair<std::string_view, std::string_view>>(
           {{" = a list ", " = liste "}, {" = an object ", " = objet "}})) {
    if (french.ends_with(english)) french.replace(french.size() - english.size(), english.size(), word);
  }
  return french;
}

}  // namespace

std::string fault_in_french(std::string_view message) {
  // What a client sent stands before the reason and may look like another: the one that begins last is ours.
  Row const* best = nullptr;
  Fit last;
  for (Row const& row : rows) {
    auto found = fit(message, pieces_of(row.english));
    if (!found || (best != nullptr && found->start <= last.start)) continue;
    best = &row;
    last = *std::move(found);
  }
  if (best == nullptr) return "";
  std::string french = head_in_french(message.substr(0, last.start));
  auto const pieces = pieces_of(best->french);
  for (std::size_t k = 0; k < pieces.size(); ++k) {
    if (k > 0) french += last.words[k - 1];
    french += pieces[k];
  }
  return french;
}

}  // namespace regulus::server
