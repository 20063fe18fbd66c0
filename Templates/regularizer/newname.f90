! Adds the gradient of strength sum_i (sqrt(w_i^2 + width^2) - width) to g and returns the penalty, summed in f64.
function newname_f32(w, g, n, strength, width) result(penalty) bind(c)
  use, intrinsic :: iso_c_binding
  implicit none
  integer(c_int64_t), value :: n
  real(c_double), value :: strength, width
  real(c_float), intent(in) :: w(n)
  real(c_float), intent(inout) :: g(n)
  real(c_double) :: penalty, x, root
  integer(c_int64_t) :: i
  penalty = 0
  do i = 1, n
    x = real(w(i), c_double)
    root = sqrt(x**2 + width**2)
    g(i) = g(i) + real(strength * x / root, c_float)
    penalty = penalty + strength * (root - width)
  end do
end function

function newname_f64(w, g, n, strength, width) result(penalty) bind(c)
  use, intrinsic :: iso_c_binding
  implicit none
  integer(c_int64_t), value :: n
  real(c_double), value :: strength, width
  real(c_double), intent(in) :: w(n)
  real(c_double), intent(inout) :: g(n)
  real(c_double) :: penalty, root
  integer(c_int64_t) :: i
  penalty = 0
  do i = 1, n
    root = sqrt(w(i)**2 + width**2)
    g(i) = g(i) + strength * w(i) / root
    penalty = penalty + strength * (root - width)
  end do
end function
