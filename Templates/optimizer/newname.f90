! v <- beta v + g, then w <- w - lr v, in both precisions.
subroutine newname_f32(w, g, v, n, lr, beta) bind(c)
  use, intrinsic :: iso_c_binding
  implicit none
  integer(c_int64_t), value :: n
  real(c_double), value :: lr, beta
  real(c_float), intent(inout) :: w(n), v(n)
  real(c_float), intent(in) :: g(n)
  v = real(beta, c_float) * v + g
  w = w - real(lr, c_float) * v
end subroutine

subroutine newname_f64(w, g, v, n, lr, beta) bind(c)
  use, intrinsic :: iso_c_binding
  implicit none
  integer(c_int64_t), value :: n
  real(c_double), value :: lr, beta
  real(c_double), intent(inout) :: w(n), v(n)
  real(c_double), intent(in) :: g(n)
  v = beta * v + g
  w = w - lr * v
end subroutine
