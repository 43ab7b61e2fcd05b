// What road servers answer, read without trust.
//
// OSRM: `table`, osrm-backend docs/http.md. Seconds and metres as decimals, null where no road leads, errors as
// {"code": …, "message": …} with status 400.
// Valhalla: `sources_to_targets`, docs/api/matrix.md, both shapes (verbose true and false). Seconds and kilometres,
// null where nothing was found, errors as {"error_code": …, "error": …} with status 400; `locate` says which places
// have a road nearby.
//
// Pure functions of a status and a body of any bytes: whatever a server sends, the outcome is a table of exactly the
// asked size whose cells keep what travel/provider.h promises, a reason why there is none, or an Error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/result.h"
#include "travel/http_client.h"
#include "travel/provider.h"

namespace regulus::travel {

struct TableSize {
  std::size_t sources = 0, targets = 0;
};

struct TableAnswer {
  enum class Kind : std::uint8_t {
    cells,
    too_big,         // ask for less at once
    off_road,        // places[] have no road nearby; ask without them
    not_connected,   // no road joins some of these places, and the server does not say which
    somewhere_lost,  // some place has no road nearby, and the server does not say which
  };
  Kind kind = Kind::cells;
  Cells cells;
  std::vector<std::size_t> places;  // positions: sources first, then targets
  std::string data_version;
};

// Errors: io, when this is no answer to the question; invalid, when the server refuses the question for good.
Result<TableAnswer> osrm_table(HttpAnswer const& answer, TableSize size);
Result<TableAnswer> valhalla_matrix(HttpAnswer const& answer, TableSize size);

// Positions of the places without a road nearby, of an answer for `places` of them.
Result<std::vector<std::size_t>> valhalla_lost_places(HttpAnswer const& answer, std::size_t places);

}  // namespace regulus::travel
