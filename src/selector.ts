/** Readiness selector and blocking sockets: for teaching, tests and synchronous programs. */
export {};
