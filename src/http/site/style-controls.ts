// The looks of buttons and forms. Colours come from style.ts.
export const controlStyle = `button {
  position: relative;
  flex: none;
  min-width: 4.75rem;
  min-height: 2rem;
  padding: 0.25rem 0.75rem;
  background: var(--sheet);
  border: 1px solid var(--edge);
  border-radius: 0.375rem;
  color: var(--ink);
  font: 500 0.875rem/1.2 var(--sans);
  cursor: pointer;
}

button:hover {
  border-color: var(--accent);
  color: var(--accent);
}

button[type='submit'] {
  width: 100%;
  min-height: 2.875rem;
  margin-top: 1.5rem;
  background: var(--accent);
  border-color: var(--accent);
  border-radius: 0.5rem;
  color: var(--on-accent);
  font-size: 1rem;
  font-weight: 600;
}

button[type='submit']:hover {
  background: var(--accent-strong);
  border-color: var(--accent-strong);
}

button[type='submit']:disabled,
button[aria-disabled='true'] {
  cursor: progress;
  opacity: 0.7;
}

form {
  margin-top: 1.75rem;
}

.field + .field {
  margin-top: 1.25rem;
}

label {
  display: block;
  margin-bottom: 0.35rem;
  font-weight: 600;
}

.hint {
  margin-top: 0.4rem;
}

input {
  width: 100%;
  min-height: 2.75rem;
  padding: 0.5rem 0.75rem;
  background: var(--paper);
  border: 1px solid var(--edge);
  border-radius: 0.5rem;
  color: var(--ink);
  font: 1rem/1.4 var(--sans);
}

input.code,
#password[type='text'] {
  font-family: var(--mono);
}

input::placeholder {
  color: var(--soft);
  opacity: 1;
}

input[readonly] {
  background: none;
  border-color: var(--line);
  color: var(--soft);
}

input[aria-invalid='true'] {
  border: 2px solid var(--bad);
  padding: calc(0.5rem - 1px) calc(0.75rem - 1px);
}

.beside {
  display: flex;
  gap: 0.5rem;
}

.beside input {
  flex: 1;
  min-width: 0;
}

.beside button {
  border-radius: 0.5rem;
}

.strength {
  display: grid;
  grid-template-columns: repeat(4, 1fr) minmax(8.5rem, auto);
  align-items: center;
  gap: 0.25rem;
  min-height: 1.5rem;
  margin-top: 0.4rem;
}

.strength span {
  height: 0.25rem;
  background: var(--track);
  border-radius: 0.125rem;
}

.strength em {
  font: 600 0.875rem/1.5 var(--sans);
  text-align: end;
}

.strength[data-level='1'] span:nth-child(-n + 1),
.strength[data-level='2'] span:nth-child(-n + 2),
.strength[data-level='3'] span:nth-child(-n + 3),
.strength[data-level='4'] span {
  background: var(--accent);
}

.strength[data-level='1'] span:first-child {
  background: var(--bad);
}

.problem {
  margin-top: 1.25rem;
  padding: 0.75rem 1rem;
  background: var(--bad-well);
  border: 1px solid var(--bad);
  border-radius: 0.5rem;
  color: var(--bad);
  overflow-wrap: anywhere;
}

@media (forced-colors: active) {
  .strength span {
    border: 1px solid CanvasText;
  }

  .strength[data-level='1'] span:first-child,
  .strength[data-level='2'] span:nth-child(-n + 2),
  .strength[data-level='3'] span:nth-child(-n + 3),
  .strength[data-level='4'] span {
    forced-color-adjust: none;
    background: CanvasText;
  }
}
`
