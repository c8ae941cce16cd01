// The mark: a carrel, with its sides, its shelf of books and its desk. Colours that stand on light and on dark.
export const favicon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
  <rect width="32" height="32" rx="7" fill="#1d6a4d"/>
  <path fill="#fbf6ea" d="M6 6h2.5v20.5H6zM23.5 6H26v20.5h-2.5zM8.5 14.5h15v2h-15zM8.5 20h15v2.5h-15z"/>
  <path fill="#fbf6ea" d="M10.5 8H13v6.5h-2.5zM13.5 6.5H16v8h-2.5z"/>
  <path fill="#f2bd5a" d="M17 8.3l2.400-.7 1.900 6.900h-2.600z"/>
</svg>
`
