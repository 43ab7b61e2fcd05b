#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <ctime>

#include "core/rng.h"
#include "server/http/connection.h"
#include "server/http/events.h"
#include "server/http/response.h"

namespace regulus::server {

namespace asio = boost::asio;

void Connection::take_id() { id_ = fmt::format("req_{:016x}", mix(front_->id_seed, ++front_->ids)); }

void Front::tell(Refused const& what) const noexcept {
  if (!options.on_refused) return;
  try {
    options.on_refused(what);
  } catch (std::exception const&) {  // it goes unheard; the client has his answer
  }
}

void Connection::refuse(Refusal why, Problem const& problem, Language language) {
  take_id();
  ++front_->refused;
  give_room_back();
  is_refusal_ = true;  // after which the connection closes
  keep_alive_ = false;
  phase_ = Phase::handling;
  respond(problem_response(problem, language, id_));
  front_->tell({.why = why, .status = status_of(problem.code), .request_id = id_});
}

void Connection::fail() { respond(problem_response({.code = ProblemCode::internal}, language_of(wish_), id_)); }

void Connection::respond(Response response) {
  if (phase_ != Phase::handling) {
    if (response.events) response.events->abandon();
    return;
  }
  if (worker_->draining || response.events) keep_alive_ = false;
  out_ = response_bytes(
      response, {.request_id = id_, .unix_s = std::time(nullptr), .keep_alive = keep_alive_, .without_body = is_head_});
  phase_ = Phase::writing;
  if (response.events && (is_head_ || worker_->draining)) {
    response.events->abandon();
  } else if (response.events) {
    phase_ = Phase::streaming;
    events_ = std::move(response.events);
    out_ += "retry: 3000\n\n";
    events_->on_news([weak = weak_from_this()] {
      auto const reader = weak.lock();
      if (!reader) return;
      asio::post(reader->worker_->context, [weak] {
        auto const woken = weak.lock();
        if (woken && woken->phase_ == Phase::streaming && !woken->is_writing_)
          woken->guarded([&] { woken->stream_more(); });
      });
    });
    receive();  // only to learn that the client has gone
  }
  write_more();
}

void Connection::write_more() {
  out_sent_ = 0;
  is_writing_ = true;
  write_piece();
}

void Connection::write_piece() {
  arm(front_->options.write_deadline);
  asio::async_write(socket_, asio::buffer(out_.data() + out_sent_, std::min(piece_size, out_.size() - out_sent_)),
                    [self = shared_from_this()](error_code problem, std::size_t size) {
                      self->guarded([&] { self->written(problem, size); });
                    });
}

void Connection::written(error_code problem, std::size_t size) {
  if (phase_ == Phase::closed) return;
  if (problem) return close();
  out_sent_ += size;
  if (out_sent_ < out_.size()) return write_piece();
  is_writing_ = false;
  out_.clear();
  if (out_.capacity() > piece_size) out_.shrink_to_fit();
  if (phase_ == Phase::streaming) return stream_more();
  if (!keep_alive_) {
    // Nobody waits for a client at the end that has its answer and has nothing on its way to us.
    bool const is_done = worker_->draining && !is_refusal_ && in_.empty();
    return is_done ? close() : linger();
  }
  next_request();
}

void Connection::stream_more() {
  EventStream::Taken taken = events_->take(piece_size);
  if (!taken.text.empty()) {
    out_ = std::move(taken.text);
    return write_more();
  }
  if (!taken.ended) return arm(front_->options.heartbeat);
  linger();
}

void Connection::linger() {
  phase_ = Phase::lingering;
  error_code problem;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, problem);
  if (problem) return close();
  arm(front_->options.linger);
  receive();
}

}  // namespace regulus::server
