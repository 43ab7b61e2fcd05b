// What a road server may answer and what a recording or a profile of speeds may hold: any bytes are read or refused
// without harm, a table has exactly the asked size and only cells that a schedule can live with, and what was read once
// reads the same again.
#include <cstddef>
#include <cstdint>
#include <string>

#include "travel/answers.h"
#include "travel/fit.h"
#include "travel/recording.h"

namespace {

using namespace regulus;
using namespace regulus::travel;

void check_cells(Cells const& cells, std::size_t count) {
  REGULUS_CHECK(cells.seconds.size() == count && cells.metres.size() == count);
  for (std::size_t i = 0; i < count; ++i) {
    bool const road = cells.seconds[i] >= 0 && cells.seconds[i] <= no_road_seconds && cells.metres[i] >= 0 &&
                      cells.metres[i] <= no_road_metres;
    REGULUS_CHECK(road || (cells.seconds[i] == no_road && cells.metres[i] == no_road));
  }
}

void check_answer(Result<TableAnswer> const& answer, TableSize size) {
  if (!answer) {
    REGULUS_CHECK(!answer.error().message.empty());
    return;
  }
  if (answer->kind == TableAnswer::Kind::cells) check_cells(answer->cells, size.sources * size.targets);
  REGULUS_CHECK((answer->kind == TableAnswer::Kind::off_road) == !answer->places.empty());
  for (std::size_t const place : answer->places) REGULUS_CHECK(place < size.sources + size.targets);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string const text(reinterpret_cast<char const*>(data), size);
  constexpr TableSize asked{2, 3};
  for (int const status : {200, 400, 503}) {
    check_answer(osrm_table({status, text}, asked), asked);
    check_answer(valhalla_matrix({status, text}, asked), asked);
  }
  if (auto const lost = valhalla_lost_places({200, text}, 2)) {
    for (std::size_t const place : *lost) REGULUS_CHECK(place < 2);
  }

  if (Result<Recording> const recording = parse_recording(text)) {
    check_cells({recording->seconds, recording->metres, {}}, recording->places.size() * recording->places.size());
    Result<Recording> const again = parse_recording(recording_text(*recording));
    REGULUS_CHECK(again && *again == *recording);
  }
  if (Result<SpeedProfile> const speeds = parse_speeds(text)) {
    Result<SpeedProfile> const again = parse_speeds(to_json(*speeds).dump());
    REGULUS_CHECK(again && *again == *speeds);
  }
  (void)parse_url(text);
  return 0;
}
