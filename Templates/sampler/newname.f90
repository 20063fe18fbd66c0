! Place i of epoch e is row (i + e shift) mod n, counted from 0.
subroutine newname(epoch, shift, n, order) bind(c)
  use, intrinsic :: iso_c_binding
  implicit none
  integer(c_int64_t), value :: epoch, shift, n
  integer(c_int64_t), intent(out) :: order(n)
  integer(c_int64_t) :: i, begin
  begin = mod(mod(epoch, n) * mod(shift, n), n) ! no product leaves 64 bits
  do i = 0, n - 1
    order(i + 1) = mod(i + begin, n)
  end do
end subroutine
