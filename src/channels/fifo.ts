/**
 * A first-in, first-out buffer with O(1) at both ends: a ring that doubles when full.
 * (`Array.prototype.shift` moves every element once an array is large.)
 */
const SMALLEST = 16;

export class Fifo<T> {
  #ring: (T | undefined)[] = [];
  #head = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(value: T): void {
    if (this.#size === this.#ring.length) this.#grow();
    this.#ring[(this.#head + this.#size) & (this.#ring.length - 1)] = value;
    this.#size++;
  }

  /** The oldest value; `undefined` when empty. */
  shift(): T | undefined {
    if (this.#size === 0) return undefined;
    const value = this.#ring[this.#head];
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#ring.length - 1);
    this.#size--;
    return value;
  }

  /** Takes out all values, the oldest first. */
  clear(): T[] {
    const values: T[] = [];
    while (this.#size > 0) values.push(this.shift() as T);
    return values;
  }

  #grow(): void {
    const values = [...this.#ring.slice(this.#head), ...this.#ring.slice(0, this.#head)];
    values.length = Math.max(SMALLEST, 2 * this.#size);
    this.#ring = values;
    this.#head = 0;
  }
}
