#include "server/http/connection.h"

#include <fmt/format.h>

#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <cstddef>
#include <new>
#include <utility>

#include "server/http/events.h"

namespace regulus::server {

namespace asio = boost::asio;

namespace {

std::string too_large(std::int64_t limit, Language language) {
  return language == Language::french ? fmt::format("Le corps peut compter {} octets au plus.", limit)
                                      : fmt::format("The body may hold {} bytes at most.", limit);
}

// Memory for one posted step, set aside before it is needed.
class Room {
 public:
  void* take(std::size_t size) {
    if (size <= bytes_.size() && !is_taken_.exchange(true)) return bytes_.data();
    return ::operator new(size);
  }
  void give_back(void* memory) {
    if (memory == bytes_.data()) {
      is_taken_ = false;
    } else {
      ::operator delete(memory);
    }
  }

 private:
  alignas(std::max_align_t) std::array<std::byte, 256> bytes_;
  std::atomic<bool> is_taken_ = false;
};

// A Room as asio takes memory.
template <class T>
struct RoomAllocator {
  using value_type = T;
  Room* room;
  explicit RoomAllocator(Room& given) : room(&given) {}
  template <class U>
  RoomAllocator(RoomAllocator<U> const& other) : room(other.room) {}  // NOLINT(google-explicit-constructor)
  T* allocate(std::size_t count) { return static_cast<T*>(room->take(count * sizeof(T))); }
  void deallocate(T* memory, std::size_t) { room->give_back(memory); }
  friend bool operator==(RoomAllocator const&, RoomAllocator const&) = default;
};

}  // namespace

// The one answer to one request, from any thread. If nobody gives it, it is 500. Handing it over needs no memory: what
// was done must not go unsaid because none is left.
class Connection::Answer : public std::enable_shared_from_this<Connection::Answer> {
 public:
  explicit Answer(std::weak_ptr<Connection> connection) : connection_(std::move(connection)) {}
  Answer(Answer const&) = delete;
  Answer& operator=(Answer const&) = delete;
  ~Answer() {
    if (given_.exchange(true)) return;
    auto const connection = connection_.lock();
    if (!connection) return;
    try {
      asio::post(connection->worker_->context, [weak = connection_] {
        auto const asked = weak.lock();
        if (asked) asked->guarded([&] { asked->fail(); });
      });
    } catch (...) {  // no memory even for that: the client waits until he or we leave
    }
  }
  void give(Response response) {
    if (given_.exchange(true)) return;
    auto const connection = connection_.lock();
    if (!connection) {
      if (response.events) response.events->abandon();
      return;
    }
    // The loop may end without having run this; a strong pointer to the connection would keep both alive for ever.
    response_ = std::move(response);
    asio::dispatch(connection->worker_->context,
                   asio::bind_allocator(RoomAllocator<void>(room_), [self = shared_from_this()] {
                     auto const asked = self->connection_.lock();
                     if (asked) asked->guarded([&] { asked->respond(std::move(self->response_)); });
                   }));
  }

 private:
  std::weak_ptr<Connection> connection_;
  std::atomic<bool> given_ = false;
  Response response_;
  Room room_;
};

Connection::Connection(asio::ip::tcp::socket socket, std::shared_ptr<Worker> worker, std::shared_ptr<Front> front)
    : worker_(std::move(worker)), front_(std::move(front)), socket_(std::move(socket)), timer_(worker_->context) {
  ++front_->open;
}

Connection::~Connection() {
  give_room_back();
  --front_->open;
}

void Connection::start() {
  guarded([this] { begin(); });
}

void Connection::begin() {
  worker_->connections.insert(shared_from_this());
  error_code problem;
  auto const peer = socket_.remote_endpoint(problem);
  if (problem) return close();  // gone already
  peer_ = peer.address().to_string();
  socket_.set_option(asio::ip::tcp::no_delay(true), problem);
  if (worker_->draining) return close();
  arm(front_->options.head_deadline);
  receive();
}

void Connection::drain() {
  bool const waits_for_nothing = phase_ == Phase::idle || (phase_ == Phase::head && in_.empty());
  if (waits_for_nothing || phase_ == Phase::streaming) return close();
  keep_alive_ = false;
}

void Connection::close() {
  if (phase_ == Phase::closed) return;
  phase_ = Phase::closed;
  give_room_back();
  auto const self = shared_from_this();  // the worker may hold the last pointer but this
  if (events_) events_->abandon();
  timer_.cancel();
  error_code ignored;
  socket_.close(ignored);
  worker_->forget(self);
}

void Connection::arm(Listener::Milliseconds time) {
  timer_.expires_after(time);
  timer_.async_wait([self = shared_from_this()](error_code problem) {
    // A wait that was over when the timer was armed anew still comes here.
    if (problem || self->timer_.expiry() > asio::steady_timer::clock_type::now()) return;
    self->guarded([&] { self->deadline_passed(); });
  });
}

void Connection::deadline_passed() {
  switch (phase_) {
    case Phase::head:
      if (in_.empty()) return close();  // somebody who connected and said nothing is owed nothing
      return refuse(Refusal::head_timeout, {.code = ProblemCode::request_timeout}, Language::english);
    case Phase::body:
      if (is_writing_) return close();  // the invitation is not even taken
      return refuse(Refusal::body_timeout, {.code = ProblemCode::request_timeout}, language_of(wish_));
    case Phase::streaming:
      if (is_writing_) return close();
      if (!events_->goes_on()) return stream_more();
      out_ = ":\n\n";
      return write_more();
    case Phase::idle:
    case Phase::writing:
    case Phase::lingering:
      return close();
    case Phase::handling:  // the handler's time is its own
    case Phase::closed:
      return;
  }
}

void Connection::receive() {
  if (is_receiving_) return;  // one that was under way when a deadline passed
  is_receiving_ = true;
  socket_.async_read_some(asio::buffer(piece_), [self = shared_from_this()](error_code problem, std::size_t size) {
    self->guarded([&] { self->received(problem, size); });
  });
}

void Connection::received(error_code problem, std::size_t size) {
  is_receiving_ = false;
  if (phase_ == Phase::closed) return;
  if (phase_ == Phase::lingering || phase_ == Phase::streaming) return problem ? close() : receive();
  if (phase_ == Phase::writing) return;  // a refusal; linger reads on
  if (problem) return close();
  in_.append(piece_.data(), size);
  if (phase_ == Phase::body) return try_body();
  if (phase_ == Phase::idle) {
    phase_ = Phase::head;
    arm(front_->options.head_deadline);
  }
  try_head();
}

void Connection::next_request() {
  if (worker_->draining && in_.empty()) return close();
  id_.clear();
  phase_ = in_.empty() ? Phase::idle : Phase::head;
  arm(in_.empty() ? front_->options.idle_deadline : front_->options.head_deadline);
  try_head();
}

void Connection::try_head() {
  Verdict verdict = read_head(in_);
  if (std::holds_alternative<Incomplete>(verdict)) return receive();
  is_head_ = false;
  if (Rejection const* const rejection = std::get_if<Rejection>(&verdict)) {
    return refuse(
        refusal_of(rejection->fault),
        {.code = problem_of(rejection->fault), .detail = std::string(detail_of(rejection->fault, rejection->language))},
        rejection->language);
  }
  accept(std::move(std::get<Head>(verdict)));
}

void Connection::accept(Head head) {
  in_.erase(0, head.size);
  is_head_ = head.method == "HEAD";
  keep_alive_ = head.keep_alive && !worker_->draining;
  content_length_ = head.content_length;
  request_.method = std::move(head.method);
  request_.path = std::move(head.path);
  request_.query = std::move(head.query);
  request_.headers = std::move(head.headers);
  std::string const* const wish = request_.header("accept-language");
  wish_ = wish ? *wish : std::string();
  auto const& body_limit = front_->options.body_limit;
  std::int64_t const limit = body_limit ? body_limit(request_.method, request_.path) : usual_body;
  if (content_length_ > limit) {
    Language const language = language_of(wish_);
    return refuse(Refusal::body_too_large,
                  {.code = ProblemCode::payload_too_large, .detail = too_large(limit, language)}, language);
  }
  if (content_length_ == 0) return handle();
  if (!set_room_aside()) {
    return refuse(Refusal::no_room_for_bodies, {.code = ProblemCode::not_ready, .retry_after_s = 5},
                  language_of(wish_));
  }
  phase_ = Phase::body;
  arm(front_->options.body_deadline);
  if (!head.expects_continue || !in_.empty()) return try_body();
  is_writing_ = true;
  static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
  asio::async_write(socket_, asio::buffer(go_on), [self = shared_from_this()](error_code problem, std::size_t) {
    self->is_writing_ = false;
    if (self->phase_ != Phase::body) return;
    if (problem) return self->close();
    self->guarded([&] { self->try_body(); });
  });
}

// Large bodies are held in memory until they are whole, so what is announced by all of them together has a limit.
bool Connection::set_room_aside() {
  if (content_length_ <= usual_body) return true;
  room_ = content_length_;
  if ((front_->large_bodies += room_) <= front_->options.most_large_bodies) return true;
  give_room_back();
  return false;
}

void Connection::give_room_back() { front_->large_bodies -= std::exchange(room_, 0); }

void Connection::try_body() {
  auto const length = static_cast<std::size_t>(content_length_);
  if (in_.size() < length) return receive();
  handle();
}

void Connection::handle() {
  // What was sent ahead stays in in_.
  auto const length = static_cast<std::size_t>(content_length_);
  if (in_.size() == length) {
    request_.body = std::move(in_);
    in_.clear();
  } else {
    request_.body = in_.substr(0, length);
    in_.erase(0, length);
  }
  give_room_back();
  if (in_.capacity() > piece_size) in_.shrink_to_fit();
  phase_ = Phase::handling;
  timer_.cancel();
  ++front_->requests;
  auto const answer = std::make_shared<Answer>(weak_from_this());
  take_id();
  request_.peer = peer_;
  request_.id = id_;
  try {
    front_->handler(std::move(request_), [answer](Response response) { answer->give(std::move(response)); });
  } catch (std::bad_alloc const&) {
    answer->give(problem_response({.code = ProblemCode::not_ready, .retry_after_s = 1}, language_of(wish_), id_));
  } catch (std::exception const&) {
    answer->give(problem_response({.code = ProblemCode::internal}, language_of(wish_), id_));  // unless it had answered
  }
}

}  // namespace regulus::server
