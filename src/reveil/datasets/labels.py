"""What labels mean where a dataset's own numbers do not say it."""

# Fashion-MNIST's ten classes as tops (0: T-shirt, pullover, dress, coat, shirt), footwear (1:
# sandal, sneaker, ankle boot) and others (2: trouser, bag). The grouping is ours: it stands in for
# CIFAR-100's superclasses where only Fashion-MNIST is at hand.
FASHION_GROUPS = (0, 2, 0, 0, 0, 1, 0, 1, 2, 1)

# The columns of CelebA's list of attributes, in its order.
CELEBA_ATTRIBUTES = (
    "5_o_Clock_Shadow",
    "Arched_Eyebrows",
    "Attractive",
    "Bags_Under_Eyes",
    "Bald",
    "Bangs",
    "Big_Lips",
    "Big_Nose",
    "Black_Hair",
    "Blond_Hair",
    "Blurry",
    "Brown_Hair",
    "Bushy_Eyebrows",
    "Chubby",
    "Double_Chin",
    "Eyeglasses",
    "Goatee",
    "Gray_Hair",
    "Heavy_Makeup",
    "High_Cheekbones",
    "Male",
    "Mouth_Slightly_Open",
    "Mustache",
    "Narrow_Eyes",
    "No_Beard",
    "Oval_Face",
    "Pale_Skin",
    "Pointy_Nose",
    "Receding_Hairline",
    "Rosy_Cheeks",
    "Sideburns",
    "Smiling",
    "Straight_Hair",
    "Wavy_Hair",
    "Wearing_Earrings",
    "Wearing_Hat",
    "Wearing_Lipstick",
    "Wearing_Necklace",
    "Wearing_Necktie",
    "Young",
)
# What labels.npy says of a face, 0 or 1: a choice of ours, for what needs one class an image, such
# as a stratified split. Tasks on faces are about attributes.npy.
CELEBA_LABEL = "Male"
# What the released code of Xiang et al. (2022) keeps from the network, for inference attacks.
CELEBA_HIDDEN = (
    "Attractive",
    "Bags_Under_Eyes",
    "Big_Lips",
    "Eyeglasses",
    "High_Cheekbones",
    "Narrow_Eyes",
    "Oval_Face",
    "Wearing_Lipstick",
    "Wearing_Necklace",
    "Wearing_Necktie",
)
