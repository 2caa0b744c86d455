// What of a view must not be lost when it is put in place anew: read off the old one, and given to the new one.

export const controls = (part) => [...part.querySelectorAll("form[data-post] input, form.leave input")];
// What stands in forms that nobody has sent yet, by the form and the control.
export const control = (one) => [one.form?.id, one.form?.dataset.post, one.name, /^(radio|checkbox)$/.test(one.type) ? one.value : ""].join(" ");
const typed = (one) => one.value !== one.defaultValue || one.checked !== one.defaultChecked;
// One that was sent is taken: it must not come back with the next view.
export const unsent = (part, sent) => controls(part).filter((one) => !(sent && one.form.dataset.post === sent) && typed(one));

// Where one writes, and what is selected there: typing goes on as if nothing had been replaced.
export function caret() {
  const { id, selectionStart: from, selectionEnd: to, selectionDirection: way } = document.activeElement;
  return () => {
    const one = id ? document.getElementById(id) : null;
    one?.focus({ preventScroll: true });
    if (one && typeof from === "number") one.setSelectionRange(from, to, way);
  };
}

// What somebody unfolded stays so; what unfolds by itself (data-open) is left to the view.
const hinge = (one) => `${one.closest("[data-id]")?.dataset.id} ${one.className}`;
export const unfolded = (part) => [...part.querySelectorAll("details[open]:not([data-open])")].map(hinge);
export function unfold(part, old) {
  for (const one of part.querySelectorAll("details")) if (old.includes(hinge(one))) one.open = true;
}

// The message at the top of what is seen, and how far down it begins.
export function reading(log) {
  const top = log.getBoundingClientRect().top;
  const one = [...log.querySelectorAll("[data-id]")].find((each) => each.getBoundingClientRect().bottom > top);
  return one && { id: one.dataset.id, down: one.getBoundingClientRect().top };
}
