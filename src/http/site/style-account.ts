// The looks of the pages about accounts: lists, facts, links that look like buttons. Colours come from style.ts.
export const accountStyle = `.button {
  display: block;
  min-height: 2.875rem;
  padding: 0.6rem 0.75rem;
  background: var(--sheet);
  border: 1px solid var(--edge);
  border-radius: 0.5rem;
  color: var(--ink);
  font: 500 1rem/1.5 var(--sans);
  text-align: center;
  text-decoration: none;
  overflow-wrap: anywhere;
}

.button:hover {
  border-color: var(--accent);
  color: var(--accent);
}

.providers,
.rows {
  margin: 0;
  padding: 0;
  list-style: none;
}

.providers li + li {
  margin-top: 0.75rem;
}

.or {
  display: flex;
  align-items: center;
  gap: 1rem;
  margin: 1.5rem 0;
  color: var(--soft);
}

.or::before,
.or::after {
  content: '';
  flex: 1;
  border-top: 1px solid var(--line);
}

.below {
  margin-top: 1rem;
  text-align: center;
}

.plain {
  min-height: 2.5rem;
  margin: 0;
}

.head {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  justify-content: space-between;
  gap: 0.75rem;
}

.head h1 {
  overflow-wrap: anywhere;
}

.head form {
  margin: 0;
}

.head button[type='submit'] {
  width: auto;
  min-height: 2.5rem;
  margin: 0;
  background: var(--sheet);
  border-color: var(--edge);
  color: var(--ink);
  font-size: 0.9375rem;
  font-weight: 500;
}

.head button[type='submit']:hover {
  border-color: var(--accent);
  color: var(--accent);
}

.facts {
  display: grid;
  gap: 0.5rem;
  margin: 1.5rem 0 0;
}

.facts > div {
  display: grid;
  grid-template-columns: 9.5rem 1fr;
  gap: 0.25rem 1rem;
}

.facts dt {
  color: var(--soft);
}

.facts dd {
  margin: 0;
  overflow-wrap: anywhere;
}

@media (max-width: 30rem) {
  .facts > div {
    grid-template-columns: 1fr;
    gap: 0;
  }
}

section > h2 {
  margin-top: 2.25rem;
}

section > .aside {
  margin-top: 0.5rem;
}

.rows {
  margin-top: 0.75rem;
  border-top: 1px solid var(--line);
}

.rows li {
  padding: 0.75rem 0;
  border-bottom: 1px solid var(--line);
  overflow-wrap: anywhere;
}

.rows .beside {
  align-items: baseline;
  justify-content: space-between;
}

.badge {
  flex: none;
  padding: 0.05rem 0.6rem;
  border: 1px solid var(--edge);
  border-radius: 1rem;
  font-size: 0.8125rem;
}

.shown {
  margin: 1.5rem 0;
  padding: 1rem;
  background: var(--well);
  border: 1px solid var(--line);
  border-radius: 0.5rem;
  font-size: clamp(1.5rem, 8vw, 2.25rem);
  font-weight: 600;
  letter-spacing: 0.08em;
  line-height: 1.3;
  text-align: center;
}

.warning {
  margin-top: 1.5rem;
  padding: 0.75rem 1rem;
  background: var(--warn-well);
  border: 1px solid var(--warn);
  border-radius: 0.5rem;
  color: var(--warn);
}

.warning + form {
  margin-top: 0;
}
`
