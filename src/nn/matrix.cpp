#include "nn/matrix.h"

#include <oneapi/dnnl/dnnl.h>

#include <algorithm>

#include "core/check.h"

// oneDNN distributes work over OpenMP's threads; this is the one call that keeps it on ours. Declared here because
// clang ships no omp.h with the compiler.
extern "C" void omp_set_num_threads(int);

namespace regulus::nn {

void multiply(MatrixView a, Op a_op, MatrixView b, Op b_op, float* c, bool accumulate) {
  bool const a_flipped = a_op == Op::transposed;
  bool const b_flipped = b_op == Op::transposed;
  int const m = a_flipped ? a.cols : a.rows;
  int const k = a_flipped ? a.rows : a.cols;
  int const n = b_flipped ? b.rows : b.cols;
  REGULUS_CHECK(k == (b_flipped ? b.cols : b.rows));
  if (m == 0 || n == 0) return;
  if (k == 0) {
    if (!accumulate) std::fill_n(c, static_cast<std::size_t>(m) * static_cast<std::size_t>(n), 0.0F);
    return;
  }
  // OpenMP's thread count is a property of the calling thread.
  thread_local bool const alone = (omp_set_num_threads(1), true);
  REGULUS_CHECK(alone);
  dnnl_status_t const status = dnnl_sgemm(a_flipped ? 'T' : 'N', b_flipped ? 'T' : 'N', m, n, k, 1.0F, a.data, a.cols,
                                          b.data, b.cols, accumulate ? 1.0F : 0.0F, c, n);
  REGULUS_CHECK(status == dnnl_success);
}

}  // namespace regulus::nn
