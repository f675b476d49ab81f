/** Subprocesses, signals, standard streams, the terminal. */
import "./loops/default.ts";
import "./loops/processes.ts";
