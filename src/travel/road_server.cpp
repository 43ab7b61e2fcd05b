#include "travel/road_server.h"

#include <fmt/format.h>

#include <algorithm>

namespace regulus::travel {
namespace {

Cells filled(std::size_t count, std::int32_t value) {
  return {.seconds = std::vector(count, value), .metres = std::vector(count, value), .off_road = {}};
}

Result<Cells> ask_halves(Rectangle const& asked, Ask const& ask) {
  std::size_t const sources = asked.sources.size(), targets = asked.targets.size();
  Rectangle first = asked, second = asked;
  bool const by_rows = sources >= targets;
  auto const cut = [](std::vector<Point>& head, std::vector<Point>& tail) {
    auto const middle = static_cast<std::ptrdiff_t>(head.size() / 2);
    tail.erase(tail.begin(), tail.begin() + middle);
    head.resize(static_cast<std::size_t>(middle));
  };
  if (by_rows) {
    cut(first.sources, second.sources);
  } else {
    cut(first.targets, second.targets);
  }
  Result<Cells> left = ask_in_parts(first, ask);
  if (!left) return left;
  Result<Cells> right = ask_in_parts(second, ask);
  if (!right) return right;

  Cells joined;
  joined.off_road = std::move(left->off_road);
  joined.off_road.insert(joined.off_road.end(), right->off_road.begin(), right->off_road.end());
  for (auto const member : {&Cells::seconds, &Cells::metres}) {
    auto const &a = (*left).*member, &b = (*right).*member;
    auto& to = joined.*member;
    if (by_rows) {
      to = a;
      to.insert(to.end(), b.begin(), b.end());
      continue;
    }
    auto const width_a = static_cast<std::ptrdiff_t>(first.targets.size());
    auto const width_b = static_cast<std::ptrdiff_t>(second.targets.size());
    for (std::ptrdiff_t row = 0; row < std::ssize(asked.sources); ++row) {
      to.insert(to.end(), a.begin() + row * width_a, a.begin() + (row + 1) * width_a);
      to.insert(to.end(), b.begin() + row * width_b, b.begin() + (row + 1) * width_b);
    }
  }
  return joined;
}

// lost: ascending positions, sources first.
Result<Cells> ask_without(std::vector<std::size_t> const& lost, Rectangle const& asked, Ask const& ask) {
  std::size_t const sources = asked.sources.size(), targets = asked.targets.size();
  auto const is_lost = [&](std::size_t place) { return std::ranges::find(lost, place) != lost.end(); };
  Rectangle rest{.sources = {}, .targets = {}, .hour = asked.hour};
  for (std::size_t i = 0; i < sources; ++i) {
    if (!is_lost(i)) rest.sources.push_back(asked.sources[i]);
  }
  for (std::size_t j = 0; j < targets; ++j) {
    if (!is_lost(sources + j)) rest.targets.push_back(asked.targets[j]);
  }
  Cells known;
  if (!rest.sources.empty() && !rest.targets.empty()) {
    Result<Cells> answered = ask_in_parts(rest, ask);
    if (!answered) return answered;
    known = answered.take();
  }
  Cells all = filled(sources * targets, no_road);
  all.off_road = std::move(known.off_road);
  for (std::size_t const place : lost)
    all.off_road.push_back(place < sources ? asked.sources[place] : asked.targets[place - sources]);
  std::size_t next = 0;
  for (std::size_t i = 0; i < sources; ++i) {
    for (std::size_t j = 0; j < targets; ++j) {
      if (is_lost(i) || is_lost(sources + j)) continue;
      all.seconds[i * targets + j] = known.seconds[next];
      all.metres[i * targets + j] = known.metres[next];
      ++next;
    }
  }
  return all;
}

}  // namespace

Result<Cells> ask_in_parts(Rectangle const& asked, Ask const& ask) {
  Result<TableAnswer> answer = ask(asked);
  if (!answer) return answer.error();
  bool const single = asked.sources.size() == 1 && asked.targets.size() == 1;
  switch (answer->kind) {
    case TableAnswer::Kind::cells:
      return std::move(answer->cells);
    case TableAnswer::Kind::off_road:
      return ask_without(answer->places, asked, ask);
    case TableAnswer::Kind::too_big:
      return single ? filled(1, not_known) : ask_halves(asked, ask);
    case TableAnswer::Kind::not_connected:
    case TableAnswer::Kind::somewhere_lost:
      return single ? filled(1, no_road) : ask_halves(asked, ask);
  }
  return invalid("an answer of no kind");
}

Result<std::string> checked_profile(std::string const& profile, std::string const& otherwise) {
  std::string const& chosen = profile.empty() ? otherwise : profile;
  bool const plain =
      chosen.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == std::string::npos;
  if (!plain) return invalid(fmt::format("profile = {} may hold only letters, digits, _ and -", chosen));
  return chosen;
}

}  // namespace regulus::travel
