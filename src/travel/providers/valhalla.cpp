// Valhalla's matrix service, in the compact form; the verbose one is read too, from servers older than 3.1.
#include "core/json.h"
#include "travel/http_client.h"
#include "travel/road_server.h"

namespace regulus::travel {

Result<std::unique_ptr<Provider>> make_valhalla_provider(ProviderSettings const& settings);

namespace {

Json locations(std::vector<Point> const& places) {
  Json list = Json::array();
  for (Point const& place : places) list.push_back(Json::object({{"lat", place.latitude}, {"lon", place.longitude}}));
  return list;
}

class Valhalla final : public Provider {
 public:
  Valhalla(HttpClient client, std::string costing) : client_(std::move(client)), costing_(std::move(costing)) {}

  Result<Cells> cells(Rectangle const& asked, Deadline deadline) override {
    return ask_in_parts(asked, [&](Rectangle const& part) { return ask(part, deadline); });
  }
  // The service's default limit is 2,500 pairs.
  std::size_t largest_side() const override { return 50; }

 private:
  Result<TableAnswer> ask(Rectangle const& part, Deadline deadline) {
    Json const question = Json::object({{"sources", locations(part.sources)},
                                        {"targets", locations(part.targets)},
                                        {"costing", costing_},
                                        {"units", "kilometers"},
                                        {"verbose", false}});
    Result<HttpAnswer> const answer = client_.post_json("/sources_to_targets", question.dump(), deadline);
    if (!answer) return answer.error();
    Result<TableAnswer> table = valhalla_matrix(*answer, {part.sources.size(), part.targets.size()});
    bool const unnamed =
        table && (table->kind == TableAnswer::Kind::somewhere_lost || table->kind == TableAnswer::Kind::not_connected);
    return unnamed ? name_the_lost(part, table.take(), deadline) : table;
  }

  // The matrix does not say which place it could not use; `locate` does.
  Result<TableAnswer> name_the_lost(Rectangle const& part, TableAnswer table, Deadline deadline) {
    std::vector<Point> places = part.sources;
    places.insert(places.end(), part.targets.begin(), part.targets.end());
    Json const question = Json::object({{"locations", locations(places)}, {"costing", costing_}, {"verbose", false}});
    Result<HttpAnswer> const answer = client_.post_json("/locate", question.dump(), deadline);
    if (!answer) return answer.error();
    Result<std::vector<std::size_t>> lost = valhalla_lost_places(*answer, places.size());
    if (!lost) return lost.error();
    if (lost->empty()) return table;
    table.kind = TableAnswer::Kind::off_road;
    table.places = lost.take();
    return table;
  }

  HttpClient client_;
  std::string costing_;
};

}  // namespace

Result<std::unique_ptr<Provider>> make_valhalla_provider(ProviderSettings const& settings) {
  if (settings.url.empty()) return invalid("travel times of Valhalla need its address: --travel-url http://HOST:PORT");
  Result<std::string> costing = checked_profile(settings.profile, "auto");
  if (!costing) return costing.error();
  Result<HttpClient> client = HttpClient::open(settings.url);
  if (!client) return client.error();
  return std::unique_ptr<Provider>(std::make_unique<Valhalla>(client.take(), costing.take()));
}

}  // namespace regulus::travel
