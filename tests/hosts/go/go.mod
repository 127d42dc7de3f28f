module tus.example/preempted

go 1.19
