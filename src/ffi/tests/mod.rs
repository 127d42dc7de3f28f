//! Calls the exports as a C program would.
