//! The server seen from the wire: every test speaks raw HTTP over a socket and believes nothing
//! but bytes.

mod client;

mod answer_faults;
mod concatenation;
mod extensions;
mod interims;
mod judgement;
mod program;
mod protocol;
mod request_faults;
mod sequence;
mod shapes;
mod tls;
mod transport;
