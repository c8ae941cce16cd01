// Short, friendly, easily spelt words for generated passwords: lower case, three to eight letters, no doubles.
// A shorter list makes generated passwords weaker: generated-password.test.ts guards the entropy.

export const words: readonly string[] = `
acorn acre actor agate agile album alder alert algae alley almond alpaca alpine amber amble amigo
ample anchor angle ankle answer antler anvil apple apricot apron aqua arbor arcade arch arctic
arena aroma arrow artist ascend ash aspen aster atlas atom attic auburn august aunt aurora author
autumn avocado award awning azure bacon badge badger bagel baker bakery ballad ballet balloon
balmy bamboo banana banjo banner barley barn barrel basil basin basket bass bath baton bay bazaar
beach beacon bead beagle beam bean bear beard beaver bedrock bee beech beetle bell bench berry
biceps bicycle birch bird biscuit bison blanket blaze blend bloom blossom blue blush board boat
bobcat bold bonfire bonnet bonus book boot border botany bottle boulder bounce bouquet bow bowl
box branch brass brave bread breeze brick bridge bright brisk broad bronze brook broom brother
brown brush bubble bucket buckle bud buffalo bugle builder bumper bundle bunny burrow bus butter
button buzz cabin cable cactus cadet cake calico calm camel camera camp canal canary candle candy
canoe canopy canteen canvas canyon cape captain caramel caravan caribou carol carpet carrot cart
carve cascade cashew castle cave cedar celery cello cement center cereal chalk chamber chapel
charm chart cheddar cheer cheese cheetah cherry chess chestnut chicken chief chime chimney chin
chip choir chorus cider cinema cinnamon circle circus citrus city civic clam clarinet classic clay
clean clear clever cliff climb cloak clock cloud clover coast coat cobalt cobbler cocoa coconut
cod coffee coil coin collie color comet comfy comic compass concert condor cone cookie cool copper
coral cord cork corn corner cosmic cosmos cosy cottage cotton couch cougar country courage cousin
cove cozy crab cradle craft crane crayon cream creek crest cricket crimson crisp crocus crown
crumb crystal cube cuddle cupcake curious curl current curry curtain cushion custard cycle cypress
daffodil dahlia dainty dairy daisy dancer dapper daring dash date dawn deck deer delta den denim
depot derby desert desk dew dial diamond diary dice dill dinghy dinner diver dizzy dock dog
dolphin dome domino donkey donut door dot dough dove dragon drama dream dress drift drum dry duck
duet dune dusk dust eager eagle earl early earth easel east easy echo eclair edge eel egg egret
eight elbow elder elegant elk elm ember emerald emu energy engine enjoy epic equal ermine errand
essay estate evening ever exact expert explore fable fabric face factory fair fairy falcon family
famous fancy farm farmer fast father feast feather fedora fence fennel fern ferret ferry festive
fever fiddle field fiesta fig figure film finch fir firefly fish fjord flag flair flamingo flannel
flask flax fleece fleet flint float flock flora florist flour flower fluffy flute foam focus fog
folk fond forest forge fork fossil fountain fox frame freckle free fresco fresh friday friend
fringe frog frost fruit fudge full funny fur future galaxy gallery galley gallon game garden
garlic garnet gate gazebo gazelle gecko gem general gentle geode gerbil geyser giant gift giggle
ginger giraffe glacier glad glass gleam glen glide glitter globe glory glove glow goat gold
goldfish golf gondola good goose gopher gorge granite grape grass gravel gravy gray great green
grid grin gritty grove guava guest guide guitar gull gum guppy gust gymnast habit hail half halo
hammer hammock hamster handy happy harbor hardy hare harmony harp harvest hat hawk hay hazel heart
hearth heather hedge hello helmet hemlock hen herb hermit hero heron herring hickory high hill
hippo hobby hockey holiday holly home honest honey hood hoop hopeful horizon horn hornet horse
host hotel hound house huckle hug hull humble hummus husky hut hyena ibis ice icicle icing idea
igloo iguana impala inch indigo ink inlet inn insect iris iron island ivory ivy jackal jacket jade
jaguar jam jar jasmine jasper jay jazz jeans jelly jersey jetty jewel jigsaw jockey jogger jolly
journal joy jubilee judo juice july jumbo jump june jungle junior juniper jury kale kangaroo
karate kayak kazoo keen keeper kelp kennel kernel kettle key kid kind king kitchen kite kitten
kiwi knight knit knob koala krill label lace ladder ladle lady ladybug lagoon lake lamb lamp lance
lantern lapis larch large lark lasagna lasso latch lather laurel lava lavender lawn leaf league
lean leather ledge leek legend lemon lemur lentil leopard letter lettuce level lever liberty
library lichen lifeboat light lilac lily lime linen lion liquid list little lively lizard llama
lobby lobster local locket lodge log lotion lotus loud lounge lucky lullaby lumber lunar lunch
lute lynx lyric macaw mackerel magenta magic magnet magpie mahogany major mallard mallet mammoth
mandolin mango manor mantis maple marble march mare margin marigold marina market marlin maroon
marsh marten marvel mascot mason matrix mayor maze meadow medal mellow melody melon memory mentor
merit merlin merry mesa meteor metro midday middle mild mile milk mill mimosa mineral minnow mint
minute mirror mist mitten mixer moat mocha model modest mole moment monarch monday monkey moon
moose morning mosaic moss moth mother motor mound mountain mouse muffin mulberry mule mural museum
music mussel mustang mustard myrtle mystery nacho napkin narrow narwhal native nature nautical
navy neat nebula nectar needle neon nephew neptune nest nettle new newt nickel niece night nimble
nine noble nomad noodle noon north notch novel nugget number nurse nutmeg nylon oak oar oasis oat
oatmeal obelisk oboe ocean ocelot octagon october octopus offer olive omega onion onyx opal open
opera optic orange orbit orca orchard orchid order oregano organ origami oriole osprey ostrich
otter oval oven owl oxbow oxygen oyster pacific paddle page pagoda paint palace palette palm
pancake panda panel panther papaya paper paprika papyrus parade parcel park parka parrot parsley
party passage pasta pastel pastry patch patio patrol pavilion peach peacock peak peanut pear pearl
pebble pecan pedal pelican pencil penguin pennant penny peony pepper perch perfect petal petunia
piano pickle picnic pie pier pigeon pilot pine pink pinto pioneer pipe pirate pixel pizza plain
planet plant plaster platinum playful plaza plenty plum plume plush pocket poem poet polar polite
polka polo poncho pond pony poodle popcorn poplar poppy porch portal postcard potato potter powder
prairie present pretzel pride prime primrose prince print prism prize proud puddle puffin pulley
pulsar puma pumpkin pupil puppet puppy pure purple puzzle pyramid python quail quaint quarry
quartz quasar quay queen quest quick quiet quill quilt quince quiver quiz quokka quota rabbit
raccoon racer radar radiant radio radish raft rail rain rainbow raisin ramp ranch ranger rapid
raspy raven ravine ready rebel recipe record red reed reef regal relay relish remedy ribbon rice
rich riddle ridge ring ripple river roast robin robot rocket rodeo roller romance roof rooster
root rope rose rosemary rotor round rover royal rubber ruby rudder rug rugby ruler rumba runner
rustic rye saber sable saddle saffron sage sail sailor salad salmon salsa salt salute samba sand
sandal sapling sapphire sardine sash satchel satin saturn sauce sauna savanna savory scarf scarlet
scenic school scone scooter scout scroll sea seal season seat secret sedan seed segment senior
sequoia serene sesame seven shade shallow shamrock shape shark sheep shelf shell sherbet shield
shine ship shirt shoe shore shovel shrimp shrub shuttle siesta silent silk silver simple singer
siren sister six skate sketch ski skipper sky slate sled sleepy sleeve slipper slope small smart
smile smooth snack snail snow snug soap soccer socket sofa soft solar solid solo sonata sonnet
soup south soy space spaniel spark sparrow spatula spice spider spinach spiral splash sponge spoon
sport spring sprout spruce square squash squid squirrel stable stadium staff stage stamp star
starfish statue steady steam steel stem step stereo stew still stilt stitch stone stool stork
storm story stove straw stream street string stripe strong studio sturdy sugar suit summer summit
sun sundae sunny sunrise sunset super surf swallow swan sweater sweet swift swing symbol syrup
system table tablet taco tadpole talent tall talon tamarind tambour tandem tango tape tapestry
target tart tassel tavern teacher teal team teapot temple tempo ten tender tennis tent terrace
terrier thatch theater thimble thistle thread three thrift thrush thunder thyme ticket tide tidy
tiger tile timber timid tin tinsel tiny toad toast toffee token tomato tonic topaz torch tortoise
toucan tower town tractor trail train travel treasure tree trellis triangle tribe trinket trio
trolley trombone trophy tropic trout trumpet trunk trusty truth tuba tugboat tulip tuna tundra
tunic tunnel turban turkey turnip turtle tutor tuxedo tweed twig twilight twin two typist ultra
umber umbrella uncle unicorn union unique unity upbeat upper upright uptown urban urchin useful
usher utensil vacation valiant valley vanilla vapor vase vault vector velvet venture verbena verse
vessel vest viking villa village vine vinegar vintage vinyl viola violet violin vista vital vivid
vocal volcano volley voyage vulture waffle wagon waiter walnut walrus waltz warbler wardrobe warm
water wave wax weasel weaver wedge weekend west whale wheat wheel whisk whistle white wicker wide
widget wild willow wind window wing winner winter wise wisteria witty wolf wombat wonder wood wool
world woven wreath wren wrist writer yacht yak yam yard yarn yawn yeast yellow yeti yodel yoga
yogurt young yummy zebra zenith zephyr zero zest zesty zigzag zinc zinnia zipper zither zodiac
zone zoo zoom
`
  .trim()
  .split(/\s+/)
