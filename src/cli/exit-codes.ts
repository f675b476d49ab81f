/** How the program ends, as numbers for shells and scripts. Signals (130 and 143) are the business of `main`. */

export const FAILED = 1;
export const USAGE = 2;
export const NO_CONNECTION = 3;
export const TIMED_OUT = 4;

export const EXIT_CODES_HELP = `
Exit codes:
  0        fine
  1        a call was answered with an error, or something else failed
  2        wrong usage: an option or argument that makes no sense, no such file
  3        cannot connect, or cannot listen
  4        no answer in time
  130/143  cut off by SIGINT (Ctrl-C) or SIGTERM`;
