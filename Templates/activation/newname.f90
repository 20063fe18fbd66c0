! y = x / sqrt(1 + (x/scale)^2) and its derivative (1 + (x/scale)^2)^(-3/2), in both precisions.
subroutine newname_f32(x, y, n, scale) bind(c)
  use, intrinsic :: iso_c_binding
  implicit none
  integer(c_int64_t), value :: n
  real(c_double), value :: scale
  real(c_float), intent(in) :: x(n)
  real(c_float), intent(out) :: y(n)
  y = x / sqrt(1 + (x / real(scale, c_float))**2)
end subroutine

subroutine newname_slope_f32(x, y, n, scale) bind(c)
  use, intrinsic :: iso_c_binding
  implicit none
  integer(c_int64_t), value :: n
  real(c_double), value :: scale
  real(c_float), intent(in) :: x(n)
  real(c_float), intent(out) :: y(n)
  y = 1 / sqrt(1 + (x / real(scale, c_float))**2)**3
end subroutine

subroutine newname_f64(x, y, n, scale) bind(c)
  use, intrinsic :: iso_c_binding
  implicit none
  integer(c_int64_t), value :: n
  real(c_double), value :: scale
  real(c_double), intent(in) :: x(n)
  real(c_double), intent(out) :: y(n)
  y = x / sqrt(1 + (x / real(scale, c_double))**2)
end subroutine

subroutine newname_slope_f64(x, y, n, scale) bind(c)
  use, intrinsic :: iso_c_binding
  implicit none
  integer(c_int64_t), value :: n
  real(c_double), value :: scale
  real(c_double), intent(in) :: x(n)
  real(c_double), intent(out) :: y(n)
  y = 1 / sqrt(1 + (x / real(scale, c_double))**2)**3
end subroutine
