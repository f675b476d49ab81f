/**
 * How things are printed, in the console and in failed assertions: by what they tell of themselves in public.
 *
 * Their state is private, so Node would print `Lock {}`; and where it is not, what it would print is the insides of the library.
 * (Tasks, groups and scopes print as one line of text: `printsAsText`.)
 */

/** What Node hands to a function that prints: how deep it may still go, its options, and `util.inspect` itself. */
type Print = (depth: number, options: object, inspect: (value: unknown, options: object) => string) => string;

/** Lets Node print the instances of a class as `name`, by default that of the class, and the fields that `look` gives. */
export function printsAs<T extends object>(
  printed: { readonly prototype: T },
  look: (instance: T) => object,
  name?: string,
): void {
  const print = function (this: T, depth: number, options: object, inspect: Parameters<Print>[2]): string {
    const title = name ?? this.constructor.name;
    return depth < 0 ? `[${title}]` : `${title} ${inspect(look(this), options)}`;
  };
  Object.defineProperty(printed.prototype, Symbol.for("nodejs.util.inspect.custom"), { value: print satisfies Print });
}
