! mix W + (1 - mix) B. Runs once for each layer; the host carries errors back by it.
function newname(graph, weight, feedback, mix, backward_weight) result(status) bind(c)
  use, intrinsic :: iso_c_binding
  use syzygy
  implicit none
  type(c_ptr), value :: graph
  integer(c_int32_t), value :: weight, feedback
  real(c_double), value :: mix
  integer(c_int32_t), intent(out) :: backward_weight
  integer(c_int32_t) :: status, own, other
  own = graph_apply(graph, 'mul', [weight, graph_constant(graph, mix)])
  other = graph_apply(graph, 'mul', [feedback, graph_constant(graph, 1 - mix)])
  backward_weight = graph_apply(graph, 'add', [own, other])
  status = graph_status(backward_weight)
end function
