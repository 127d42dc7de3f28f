//! The store against damage, other processes, death and full disks.

mod claims;
mod crash;
mod damage;
mod directory;
mod faults;
mod fixture;
mod record;
mod token;
