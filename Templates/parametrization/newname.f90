! w = u |u|, element by element: the node of w from that of u, and first values of u from those of w.
function newname(graph, u, value_node) result(status) bind(c)
  use, intrinsic :: iso_c_binding
  use syzygy
  implicit none
  type(c_ptr), value :: graph
  integer(c_int32_t), value :: u
  integer(c_int32_t), intent(out) :: value_node
  integer(c_int32_t) :: status
  value_node = graph_apply(graph, 'mul', [u, graph_apply(graph, 'abs', [u])])
  status = graph_status(value_node)
end function

subroutine newname_start(w, n, u) bind(c)
  use, intrinsic :: iso_c_binding
  implicit none
  integer(c_int64_t), value :: n
  real(c_double), intent(in) :: w(n)
  real(c_double), intent(out) :: u(n)
  u = sign(sqrt(abs(w)), w)
end subroutine
