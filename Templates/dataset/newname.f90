! Rows first <= i < last of a split: points x [rows, 2] of two rings and their labels y [rows].
subroutine newname(split, first, last, radius, x, y) bind(c)
  use, intrinsic :: iso_c_binding
  implicit none
  integer(c_int32_t), value :: split
  integer(c_int64_t), value :: first, last
  real(c_double), value :: radius
  real(c_double), intent(out) :: x(2, last - first)  ! columns here are rows in C
  integer(c_int32_t), intent(out) :: y(last - first)
  real(c_double), parameter :: golden_angle = 2.399963229728653_c_double
  real(c_double) :: angle, r
  integer(c_int64_t) :: i, row
  do i = first, last - 1
    row = i - first + 1
    angle = golden_angle * real(i, c_double) + real(split, c_double)
    y(row) = int(mod(i, 2_c_int64_t), c_int32_t)
    r = merge(radius, 1.0_c_double, y(row) == 1)
    x(:, row) = r * [cos(angle), sin(angle)]
  end do
end subroutine
