/**
 * A binary heap that keeps equals in the order in which they came: each entry has the number of its arrival.
 *
 * `compare` is user code and may throw in any call. So each operation asks all its questions first and moves entries afterwards: if a
 * question throws, the heap is as it was. Meanwhile nobody may use the heap, `compare` itself least of all: what the answers are about
 * would not be there any more.
 */
import { InvalidStateError } from "../kernel/errors.ts";

interface Entry<T, K> {
  readonly value: T;
  readonly key: K;
  readonly arrival: number;
}

export class Heap<T, K> {
  readonly #entries: Entry<T, K>[] = [];
  readonly #keyOf: (value: T) => K;
  readonly #compare: (a: K, b: K) => number;
  #arrivals = 0;
  #isAsking = false;

  constructor(keyOf: (value: T) => K, compare: (a: K, b: K) => number) {
    this.#keyOf = keyOf;
    this.#compare = compare;
  }

  get size(): number {
    return this.#entries.length;
  }

  push(value: T): void {
    const [entry, path] = this.#ask(() => this.#placeOf(value));
    this.#arrivals++;
    this.#rotate(path, entry);
  }

  /** The first value; `undefined` when empty. */
  shift(): T | undefined {
    const path = this.#ask(() => this.#pathOfLast());
    const [first] = this.#entries;
    const last = this.#entries.pop();
    if (this.#entries.length > 0) this.#rotate(path, last!);
    return first?.value;
  }

  /** Takes out all values, in the order in which they came: no question is asked. */
  clear(): T[] {
    this.#checkIdle();
    const entries = this.#entries.splice(0);
    return entries.sort((a, b) => a.arrival - b.arrival).map((entry) => entry.value);
  }

  #ask<R>(questions: () => R): R {
    this.#checkIdle();
    this.#isAsking = true;
    try {
      return questions();
    } finally {
      this.#isAsking = false;
    }
  }

  #checkIdle(): void {
    if (this.#isAsking)
      throw new InvalidStateError("the function that orders a queue must not use it: let it look at its values alone");
  }

  #placeOf(value: T): [Entry<T, K>, path: number[]] {
    const entry = { value, key: this.#keyOf(value), arrival: this.#arrivals };
    // From the new leaf towards the root: those that come after the entry move down by one.
    const path = [this.#entries.length];
    for (let at = this.#entries.length; at > 0; ) {
      at = (at - 1) >> 1;
      if (!this.#isBefore(entry, this.#entries[at]!)) break;
      path.push(at);
    }
    return [entry, path];
  }

  #pathOfLast(): number[] {
    const size = this.#entries.length - 1;
    const last = this.#entries[size]!;
    // From the root towards the leaves: the smaller child moves up by one, until the last entry fits.
    const path = [0];
    for (let at = 0, child = 1; child < size; child = 2 * at + 1) {
      if (child + 1 < size && this.#isBefore(this.#entries[child + 1]!, this.#entries[child]!)) child++;
      if (!this.#isBefore(this.#entries[child]!, last)) break;
      at = child;
      path.push(at);
    }
    return path;
  }

  /** Moves each entry on the path to the place before its own, and puts `entry` in the last place. */
  #rotate(path: readonly number[], entry: Entry<T, K>): void {
    let hole = path[0]!;
    for (const at of path.slice(1)) {
      this.#entries[hole] = this.#entries[at]!;
      hole = at;
    }
    this.#entries[hole] = entry;
  }

  #isBefore(a: Entry<T, K>, b: Entry<T, K>): boolean {
    const order = this.#compare(a.key, b.key);
    return order < 0 || (!(order > 0) && a.arrival < b.arrival);
  }
}
